#!/bin/bash
# Prints a directory with what rendered manifests are judged by, fetching it first if need be:
#
#   python/bin/python  imports `kubernetes_validate`, which has the schemas of Kubernetes itself
#   crds/              the Prometheus Operator's own resources, as it defines them; absent, with a
#                      word about it, where Go is absent, whose module proxy has them
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/kube-schemas
validator=kubernetes-validate==1.37.0
operator=github.com/prometheus-operator/prometheus-operator@v0.85.0

say() { echo "get-kube-schemas: $*" >&2; }

if ! "$prefix/python/bin/python" -c 'import kubernetes_validate, yaml' 2>/dev/null; then
    if ! python3 -m venv "$prefix/python" ||
        ! "$prefix/python/bin/pip" install --quiet --disable-pip-version-check "$validator" >&2; then
        say "cannot get $validator: check that this machine reaches a package index"
        exit 1
    fi
fi
if ! [ -d "$prefix/crds" ]; then
    if ! command -v go >/dev/null; then
        say "no Go on this machine: ServiceMonitor and PrometheusRule are not judged"
    else
        # From outside of this directory, so that nothing of the project touches it.
        if ! (cd / && go mod download "$operator" >&2); then
            say "cannot get $operator: check that this machine reaches a Go module proxy"
            exit 1
        fi
        rm -rf "$prefix/crds.new"
        cp -r "$(go env GOMODCACHE)/$operator/example/prometheus-operator-crd" "$prefix/crds.new"
        chmod -R u+w "$prefix/crds.new"
        mv "$prefix/crds.new" "$prefix/crds"
    fi
fi
echo "$prefix"
