#!/bin/bash
# Packs a built program for Debian and prints the path of the package, which is in target/debian/.
#
# usage: deb.sh [PROGRAM [cargo-deb's arguments...]]
#
# PROGRAM is target/release/scf-exporter unless said otherwise. It is not built here, and has to run
# on this machine: it writes its manual pages and completions itself.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$(realpath "${1:-$root/target/release/scf-exporter}")
cd "$root"
shift $(($# > 0))

say() { echo "deb: $*" >&2; }

if ! [ -x "$program" ]; then
    say "$program is missing: build it first, or run make deb"
    exit 1
fi
PATH=$(scripts/get-cargo-tool.sh cargo-deb 3.8.0):$PATH
export PATH

# What [package.metadata.deb] of Cargo.toml takes besides the files of the project.
stage=target/deb
rm -rf "$stage"
mkdir -p "$stage/man"
cp "$program" "$stage/scf-exporter"
"$program" man >"$stage/man/scf-exporter.1"
for command in $("$program" man | sed -nE 's/\\//g; s/^scf-exporter-(.*)\(1\)$/\1/p'); do
    "$program" man "$command" >"$stage/man/scf-exporter-$command.1"
done
for shell in bash zsh fish; do "$program" completions "$shell" >"$stage/completion.$shell"; done

cargo deb --no-build --locked --quiet "$@"
