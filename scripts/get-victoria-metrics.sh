#!/bin/bash
# Prints the path of `victoria-metrics`, fetching it first if need be; fails where it cannot be had.
#
# Order: the program on PATH, what an earlier run fetched, the Debian archive that this machine is
# set up for (see from-debian.sh).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/victoria-metrics
# shellcheck source=scripts/from-debian.sh
source "$root/scripts/from-debian.sh"

# Whether the program in directory $1 starts on this machine.
starts() { "$1/victoria-metrics" -version >/dev/null 2>&1; }

if command -v victoria-metrics; then exit; fi
if ! starts "$prefix/usr/bin" && ! from_debian "$prefix" victoria-metrics; then
    say "install victoria-metrics and put it on PATH"
    exit 1
fi
echo "$prefix/usr/bin/victoria-metrics"
