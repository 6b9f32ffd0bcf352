#!/bin/bash
# Prints the path of `helm`, building it first if need be; fails where it cannot be had.
#
# Order: the program on PATH, what an earlier run built, the source from Go's module proxy. The last
# one goes into .cache/: nothing of the machine is changed but Go's own caches.
set -euo pipefail

version=v3.21.4
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/helm

say() { echo "get-helm: $*" >&2; }

if command -v helm; then exit; fi
if ! "$prefix/helm" version >/dev/null 2>&1; then
    if ! command -v go >/dev/null; then
        say "install helm and put it on PATH, or install Go to build it"
        exit 1
    fi
    say "helm is not on this machine: building $version into .cache/"
    # From outside of this directory, so that nothing of the project touches the build.
    if ! (cd / && GOBIN="$prefix" go install -trimpath "helm.sh/helm/v3/cmd/helm@$version" >&2); then
        say "cannot build helm: check that this machine reaches a Go module proxy"
        exit 1
    fi
fi
echo "$prefix/helm"
