#!/bin/bash
# Prints what CHANGELOG.md says of one version; fails where it says nothing.
#
# usage: release-notes.sh VERSION
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${1:?usage: release-notes.sh VERSION}
notes=$(awk -v version="$version" '/^## /{ shown = $2 == version; next } shown' CHANGELOG.md)
if [[ -z "${notes//[[:space:]]/}" ]]; then
    echo "release-notes: CHANGELOG.md has no section for $version, or an empty one" >&2
    exit 1
fi
echo "$notes"
