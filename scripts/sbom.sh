#!/bin/bash
# Writes the list of all that a build for this machine is made of, as CycloneDX JSON, to
# target/scf-exporter.cdx.json.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PATH=$(scripts/get-cargo-tool.sh cargo-cyclonedx 0.5.9):$PATH
export PATH
# It writes beside Cargo.toml and nowhere else.
trap 'rm -f scf-exporter.cdx.json' EXIT
cargo cyclonedx --quiet --format json --override-filename scf-exporter.cdx
mkdir -p target
mv scf-exporter.cdx.json target/
echo "target/scf-exporter.cdx.json: $(grep -c '"purl"' target/scf-exporter.cdx.json) packages"
