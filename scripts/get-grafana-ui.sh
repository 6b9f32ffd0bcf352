#!/bin/bash
# Prints the directory of a page that draws dashboards with Grafana's own components (index.html and
# what it loads), fetching and bundling it first if need be; fails where it cannot be had.
#
# The components come from npm; Grafana as a whole does not. Nothing is installed, all goes below
# .cache/, and none of the packages runs a script of its own.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source=$root/scripts/dashboards-screenshots
prefix=$root/.cache/grafana-ui
packages=(
    @grafana/data@13.2.3 @grafana/schema@13.2.3 @grafana/ui@13.2.2
    react@19.2.0 react-dom@19.2.0 esbuild@0.28.2
)

say() { echo "get-grafana-ui: $*" >&2; }

for name in node npm; do
    if ! command -v "$name" >/dev/null; then
        say "there is no $name on this machine: install Node.js 20 or newer"
        exit 1
    fi
done
# What is there bears the list of what was asked for, so that a changed version is fetched anew and a
# broken fetch does not pass for a whole one.
if [[ "$(cat "$prefix/packages" 2>/dev/null)" != "${packages[*]}" ]]; then
    rm -rf "$prefix"
    mkdir -p "$prefix"
    if ! npm install --prefix "$prefix" --no-save --ignore-scripts --no-audit --no-fund \
        --loglevel error "${packages[@]}" >&2; then
        say "cannot get ${packages[*]}: check that this machine reaches npm's registry"
        exit 1
    fi
    echo "${packages[*]}" >"$prefix/packages"
fi
# Bundled each time, which takes some seconds: so the page is always that of the files here.
mkdir -p "$prefix/www"
cp "$source"/{build.mjs,main.jsx} "$prefix/"
cp "$source/index.html" "$prefix/www/"
(cd "$prefix" && node build.mjs www) >&2
echo "$prefix/www"
