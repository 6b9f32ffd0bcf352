#!/bin/bash
# Writes deploy/kubernetes/scf-exporter.yaml: what the chart renders with its default values, without
# the labels that say that Helm looks after it.
#
# usage: manifests.sh [-]     - writes to standard output instead
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
helm=$("$root/scripts/get-helm.sh")
target=$root/deploy/kubernetes/scf-exporter.yaml

manifests() {
    echo "# Made by scripts/manifests.sh from the chart in deploy/helm, with its default values."
    # Links from the chart to rules and dashboards are meant; Helm tells each one on standard error.
    "$helm" template scf-exporter "$root/deploy/helm/scf-exporter" --namespace monitoring --kube-version 1.31.0 --skip-tests \
        2> >(grep -v 'found symbolic link in path' >&2) |
        sed -e '/^# Source: /d' -e '/^ *app.kubernetes.io\/managed-by: /d' -e '/^ *helm.sh\/chart: /d'
}

if [[ "${1:-}" == - ]]; then
    manifests
else
    manifests >"$target.new"
    mv "$target.new" "$target"
fi
