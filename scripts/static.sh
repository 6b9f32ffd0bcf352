#!/bin/bash
# Builds a static program, as the image has it, and starts it where there is nothing else: in a root of
# its own with not even a library. Prints the path of the program.
#
# usage: static.sh [cargo's arguments...]     --release unless said otherwise
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { echo "static: $*" >&2; }

target=$(uname -m)-unknown-linux-musl
if ! [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
    say "this toolchain cannot build for $target: rustup target add $target"
    exit 1
fi
compiler=$(scripts/get-musl-cc.sh)
export "CC_${target//-/_}=$compiler"
program=$(cargo build --locked --target "$target" --bin scf-exporter --message-format json-render-diagnostics \
    "${@:---release}" | sed -nE 's/.*"executable":"([^"]+)".*/\1/p' | tail -n1)

if readelf --program-headers "$program" 2>/dev/null | grep -q INTERP; then
    say "$program needs a loader: it is not static"
    exit 1
fi
empty=$(mktemp -d)
trap 'rm -rf "$empty"' EXIT
cp "$program" "$empty/scf-exporter"
if unshare --map-root-user true 2>/dev/null; then
    unshare --map-root-user chroot "$empty" /scf-exporter --version >&2
else
    say "not started: this machine lets nobody have a root of his own (unshare)"
fi
echo "$program"
