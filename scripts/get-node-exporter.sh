#!/bin/bash
# Prints the path of `prometheus-node-exporter`, fetching it first if need be: the exporter whose
# answers ours are held against where both read the same web configuration.
#
# Order: the program on PATH, what an earlier run fetched, the Debian archive that this machine is
# set up for (see from-debian.sh).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/node-exporter
program=prometheus-node-exporter
# shellcheck source=scripts/from-debian.sh
source "$root/scripts/from-debian.sh"

# Whether the program in directory $1 starts on this machine.
starts() { "$1/$program" --version >/dev/null 2>&1; }

if command -v "$program" >/dev/null; then
    command -v "$program"
    exit
fi
if ! starts "$prefix/usr/bin" && ! from_debian "$prefix" "$program"; then
    say "install $program and put it on PATH"
    exit 1
fi
echo "$prefix/usr/bin/$program"
