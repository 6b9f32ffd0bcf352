#!/bin/bash
# Prints a directory with what rendered manifests are judged by, fetching it first if need be:
#
#   python/bin/python  imports `kubernetes_validate`, which has the schemas of Kubernetes itself
#   crds/              the resources of the Prometheus Operator and of the VictoriaMetrics Operator, as they
#                      define them; absent, with a word about it, where Go is absent, whose module proxy
#                      has them
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/kube-schemas
validator=kubernetes-validate==1.37.0
prometheus=github.com/prometheus-operator/prometheus-operator@v0.85.0
victoria=github.com/VictoriaMetrics/operator@v0.47.0

say() { echo "get-kube-schemas: $*" >&2; }

if ! "$prefix/python/bin/python" -c 'import kubernetes_validate, yaml' 2>/dev/null; then
    if ! python3 -m venv "$prefix/python" ||
        ! "$prefix/python/bin/pip" install --quiet --disable-pip-version-check "$validator" >&2; then
        say "cannot get $validator: check that this machine reaches a package index"
        exit 1
    fi
fi
if ! [ -f "$prefix/crds/victoria.yaml" ]; then
    if ! command -v go >/dev/null; then
        say "no Go on this machine: the objects of operators (ServiceMonitor and the like) are not judged"
    else
        # From outside of this directory, so that nothing of the project touches it.
        if ! (cd / && go mod download "$prometheus" "$victoria" >&2); then
            say "cannot get $prometheus and $victoria: check that this machine reaches a Go module proxy"
            exit 1
        fi
        modules=$(go env GOMODCACHE)
        rm -rf "$prefix/crds.new"
        cp -r "$modules/$prometheus/example/prometheus-operator-crd" "$prefix/crds.new"
        chmod -R u+w "$prefix/crds.new"
        # In the cache of modules `!m` stands for `M`.
        cp "$modules/$(sed -E 's/([A-Z])/!\L\1/g' <<<"$victoria")/config/crd/overlay/crd.yaml" "$prefix/crds.new/victoria.yaml"
        chmod u+w "$prefix/crds.new/victoria.yaml"
        rm -rf "$prefix/crds"
        mv "$prefix/crds.new" "$prefix/crds"
    fi
fi
echo "$prefix"
