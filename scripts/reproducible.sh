#!/bin/bash
# Builds the present commit twice, in two directories, and compares the programs: whoever builds it
# with the same toolchain for the same kind of machine gets the very same file. The flags keep paths of
# the machine out of it.
#
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo_home=${CARGO_HOME:-$HOME/.cargo}

hash_of() {
    local tree=$work/$1
    git clone --quiet . "$tree"
    (cd "$tree" &&
        RUSTFLAGS="--remap-path-prefix=$tree=/ --remap-path-prefix=$cargo_home=/cargo" \
            CFLAGS="-ffile-prefix-map=$tree=/ -ffile-prefix-map=$cargo_home=/cargo" \
            CARGO_TARGET_DIR="$tree/target" cargo build --quiet --locked --release)
    sha256sum <"$tree/target/release/scf-exporter" | cut -d' ' -f1
}

first=$(hash_of one)
second=$(hash_of another-place)
echo "$(git rev-parse --short HEAD): $first, $second"
[ "$first" = "$second" ] || { echo "reproducible: two builds of one commit differ" >&2; exit 1; }
