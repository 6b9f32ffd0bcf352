#!/bin/bash
# Writes what a release has for this kind of machine to target/dist/, or to the folder that DIST names:
#
#   archive   scf-exporter-VERSION.linux-ARCH.tar.gz: the program, unit, rules, dashboards and licence
#   deb       the Debian package
#   sbom      scf-exporter-VERSION.linux-ARCH.cdx.json: all that the program is made of, as CycloneDX
#
# usage: release-files.sh PROGRAM [PART...]     all parts unless some are named; static.sh prints PROGRAM
set -euo pipefail

program=$(realpath "${1:?usage: release-files.sh PROGRAM [PART...]}")
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) arch=$(uname -m) ;;
esac
version=$(sed -nE 's/^version = "(.+)"$/\1/p' Cargo.toml)
name=scf-exporter-$version.linux-$arch
dist=${DIST:-target/dist}
mkdir -p "$dist"

archive() {
    local stage
    stage=$(mktemp -d)
    mkdir "$stage/$name" "$stage/$name/mixin"
    cp "$program" "$stage/$name/scf-exporter"
    cp LICENSE CHANGELOG.md "$stage/$name/"
    cp -r deploy/systemd dashboards "$stage/$name/"
    cp deploy/mixin/*.yaml "$stage/$name/mixin/"
    # The same program makes the same archive.
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime='2020-01-01 00:00:00Z' \
        -C "$stage" -c "$name" | gzip -n >"$dist/$name.tar.gz"
    rm -rf "$stage"
}

deb() {
    cp "$(scripts/deb.sh "$program")" "$dist/"
}

sbom() {
    scripts/sbom.sh >&2
    cp target/scf-exporter.cdx.json "$dist/$name.cdx.json"
}

if (($# == 0)); then set -- archive deb sbom; fi
for part; do "$part"; done
ls "$dist"
