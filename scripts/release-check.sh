#!/bin/bash
# Whether the tree is what a tag says it is; tells all that is not.
#
# usage: release-check.sh TAG IMAGE     such as v1.2.3 ghcr.io/owner/scf-exporter
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tag=${1:?usage: release-check.sh TAG IMAGE}
# Names of images are in lower case.
image=${2:?usage: release-check.sh TAG IMAGE}
image=${image,,}
version=${tag#v}
chart=deploy/helm/scf-exporter
faults=0

fault() {
    echo "release-check: $*" >&2
    faults=1
}

# Checks that a line stands in a file.
holds() {
    grep -qxF -- "$2" "$1" || fault "$1 lacks the line: $2"
}

[[ $tag =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || fault "the tag $tag is not like v1.2.3"
holds Cargo.toml "version = \"$version\""
holds $chart/Chart.yaml "version: $version"
holds $chart/Chart.yaml "appVersion: $version"
holds $chart/values.yaml "  repository: $image"
scripts/release-notes.sh "$version" >/dev/null || faults=1
# From the first release on these sentences are wrong.
if grep -rnE --include='*.md' --include='*.gotmpl' --include='*.yaml' 'published yet|没有发布|尚未发布' README*.md docs $chart >&2; then
    fault "the lines above say that nothing is published yet"
fi
exit $faults
