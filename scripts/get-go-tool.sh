#!/bin/bash
# Prints the path of a program that is written in Go, building it first if need be; fails where it cannot
# be had.
#
# usage: get-go-tool.sh NAME PACKAGE@VERSION
#
# Order: the program on PATH, what an earlier run built, the source from Go's module proxy. The last
# one goes into .cache/: nothing of the machine is changed but Go's own caches.
set -euo pipefail

name=${1:?usage: get-go-tool.sh NAME PACKAGE@VERSION}
package=${2:?usage: get-go-tool.sh NAME PACKAGE@VERSION}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/$name

say() { echo "get-go-tool: $*" >&2; }

if command -v "$name"; then exit; fi
if ! [ -x "$prefix/$name" ]; then
    if ! command -v go >/dev/null; then
        say "install $name and put it on PATH, or install Go to build it"
        exit 1
    fi
    say "$name is not on this machine: building $package into .cache/"
    # From outside of this directory, so that nothing of the project touches the build.
    if ! (cd / && GOBIN="$prefix" go install -trimpath "$package" >&2); then
        say "cannot build $name: check that this machine reaches a Go module proxy"
        exit 1
    fi
fi
echo "$prefix/$name"
