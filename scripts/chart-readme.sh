#!/bin/bash
# Writes deploy/helm/scf-exporter/README.md: the table of values, from values.yaml, by helm-docs.
#
# usage: chart-readme.sh [-]     - writes to standard output instead
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
helm_docs=$("$root/scripts/get-helm-docs.sh")
chart=$root/deploy/helm/scf-exporter

# In a copy: helm-docs takes what .helmignore lets through, and follows no links.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$chart/Chart.yaml" "$chart/values.yaml" "$chart/README.md.gotmpl" "$work"
"$helm_docs" --log-level warn --chart-search-root "$work" --sort-values-order file
if [[ "${1:-}" == - ]]; then
    cat "$work/README.md"
else
    cp "$work/README.md" "$chart/README.md"
fi
