#!/bin/bash
# Prints the directory that holds a program of cargo's, building it first if need be.
#
# usage: get-cargo-tool.sh NAME VERSION
#
# Order: the program on PATH, what an earlier run built, the package index of cargo. The last one
# goes into .cache/: nothing of the machine is changed.
set -euo pipefail

name=${1:?usage: get-cargo-tool.sh NAME VERSION}
version=${2:?usage: get-cargo-tool.sh NAME VERSION}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/$name

say() { echo "get-cargo-tool: $*" >&2; }

if command -v "$name" >/dev/null; then
    dirname "$(command -v "$name")"
    exit
fi
if ! "$prefix/bin/$name" --version >/dev/null 2>&1; then
    say "$name is not on this machine: building version $version into .cache/"
    # From outside of this directory, so that nothing of the project touches the build.
    if ! (cd / && "${CARGO:-cargo}" install --quiet --locked --version "$version" \
        --root "$prefix" "$name" >&2); then
        say "cannot build $name: check that this machine reaches a package index"
        exit 1
    fi
fi
echo "$prefix/bin"
