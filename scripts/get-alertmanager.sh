#!/bin/bash
# Prints the path of Alertmanager, fetching it first if need be; fails where it cannot be had.
#
# Order: the program on PATH, what an earlier run fetched, the Debian archive that this machine is
# set up for (see from-debian.sh).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/alertmanager
program=prometheus-alertmanager
# shellcheck source=scripts/from-debian.sh
source "$root/scripts/from-debian.sh"

# Whether the program in directory $1 starts on this machine.
starts() { "$1/$program" --version >/dev/null 2>&1; }

# Debian's name, and that of the project's own builds.
if command -v "$program" || command -v alertmanager; then exit; fi
if ! starts "$prefix/usr/bin" && ! from_debian "$prefix" "$program"; then
    say "install alertmanager and put it on PATH"
    exit 1
fi
echo "$prefix/usr/bin/$program"
