#!/bin/bash
# Prints the directory that holds `prometheus` and `promtool`, fetching both first if need be.
#
# Order: the programs on PATH, what an earlier run fetched, the Debian archive that this machine is
# set up for (see from-debian.sh).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/prometheus
# shellcheck source=scripts/from-debian.sh
source "$root/scripts/from-debian.sh"

# Whether both programs in directory $1 start on this machine.
starts() { "$1/prometheus" --version >/dev/null 2>&1 && "$1/promtool" --version >/dev/null 2>&1; }

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
    dirname "$(command -v prometheus)"
    exit
fi
# promtool is part of the package prometheus in older suites.
if ! starts "$prefix/usr/bin" && ! from_debian "$prefix" prometheus promtool; then
    say "install prometheus with promtool and put both on PATH"
    exit 1
fi
echo "$prefix/usr/bin"
