#!/bin/bash
# Prints the directory that holds the cloud vendor's own clients, which the end-to-end tests point
# at the simulator: clients that nobody of this project wrote.
#
#   python/bin/python      imports the SDKs of the legacy v2 API, of API 3.0 and of CLS
#   openmetrics/bin/python imports `prometheus-client`, whose parser of OpenMetrics is strict
#   mixin/bin/python       imports jsonnet and a reader of YAML, for deploy/mixin
#   tccli/bin/tccli        the command line; it brings an SDK of its own version, so it lives apart
#   node/node_modules/     the SDKs for Node; absent, with a word about it, where Node is absent
#   dashboards/bin/python  imports Grafana's model of a dashboard
#   schema/node_modules/   Grafana's types of a dashboard, and the compiler that reads them; likewise
#
# The first run asks pip and npm for the packages; later runs need no network.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
clients=$root/.cache/clients
# The last version of the SDK for v2, and versions of the others that were met when this was made.
python_packages=(
    qcloudapi-sdk-python==2.0.15
    tencentcloud-sdk-python-common==3.1.195
    tencentcloud-sdk-python-scf==3.1.100
    tencentcloud-sdk-python-cls==3.1.192
)
openmetrics_packages=(prometheus-client==0.26.0)
mixin_packages=(jsonnet==0.22.0 PyYAML==6.0.3)
tccli_packages=(tccli==3.1.189.1 tencentcloud-sdk-python==3.1.195)
# The version of Grafana stands behind the one of the builder, which pip counts as an epoch.
dashboard_packages=('grafana-foundation-sdk==1769699379!11.6.0')
schema_packages=(@grafana/schema@13.2.3 typescript@5.9.3)
node_packages=(tencentcloud-sdk-nodejs-scf@4.1.151 @tencent-sdk/capi@2.0.3)

say() { echo "get-sdks: $*" >&2; }

# Fills the directory $1 by the command behind it; what is there bears the list of what was asked
# for, so that a changed version is fetched anew and a broken fetch does not pass for a whole one.
fetched() {
    local directory=$1 packages=$2
    shift 2
    [[ "$(cat "$directory/packages" 2>/dev/null)" == "$packages" ]] && return
    rm -rf "$directory"
    mkdir -p "$directory"
    if ! "$@" >&2; then
        say "cannot get $packages: check that this machine reaches a package index"
        exit 1
    fi
    echo "$packages" >"$directory/packages"
}

# A virtual environment in $1 with the packages behind it.
environment() {
    local directory=$1
    shift
    if ! python3 -m venv "$directory"; then
        say "python3 cannot make a virtual environment: install Python 3.9 or newer with venv and pip"
        return 1
    fi
    # Most of it is never imported: compiling all of it takes minutes.
    "$directory/bin/pip" install --quiet --disable-pip-version-check --no-compile "$@"
}

# The Node packages behind directory $1; none of them needs to run a script of its own.
modules() {
    local directory=$1
    shift
    npm install --prefix "$directory" --no-save --ignore-scripts --no-audit --no-fund \
        --loglevel error "$@"
}

fetched "$clients/openmetrics" "${openmetrics_packages[*]}" \
    environment "$clients/openmetrics" "${openmetrics_packages[@]}"
fetched "$clients/python" "${python_packages[*]}" \
    environment "$clients/python" "${python_packages[@]}"
fetched "$clients/mixin" "${mixin_packages[*]}" \
    environment "$clients/mixin" "${mixin_packages[@]}"
fetched "$clients/tccli" "${tccli_packages[*]}" \
    environment "$clients/tccli" "${tccli_packages[@]}"
fetched "$clients/dashboards" "${dashboard_packages[*]}" \
    environment "$clients/dashboards" "${dashboard_packages[@]}"
if command -v node >/dev/null && command -v npm >/dev/null; then
    fetched "$clients/node" "${node_packages[*]}" modules "$clients/node" "${node_packages[@]}"
    fetched "$clients/schema" "${schema_packages[*]}" \
        modules "$clients/schema" "${schema_packages[@]}"
else
    say "no node and npm on this machine: the check of the SDKs for Node is going to fail," \
        "and that of Grafana's types is skipped"
fi
echo "$clients"
