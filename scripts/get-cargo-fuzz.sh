#!/bin/bash
# Prints the directory that holds `cargo-fuzz`, building it first if need be.
#
# Order: the program on PATH, what an earlier run built, the package index of cargo. The last one
# goes into .cache/: nothing of the machine is changed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/cargo-fuzz
version=0.13.2

say() { echo "get-cargo-fuzz: $*" >&2; }

if command -v cargo-fuzz >/dev/null; then
    dirname "$(command -v cargo-fuzz)"
    exit
fi
if ! "$prefix/bin/cargo-fuzz" --version >/dev/null 2>&1; then
    say "cargo-fuzz is not on this machine: building version $version into .cache/"
    # From outside of this directory, so that nothing of the project touches the build.
    if ! (cd / && "${CARGO:-cargo}" install --quiet --locked --version "$version" \
        --root "$prefix" cargo-fuzz >&2); then
        say "cannot build cargo-fuzz: check that this machine reaches a package index"
        exit 1
    fi
fi
echo "$prefix/bin"
