#!/bin/bash
# Holds the dependency tree to deny.toml: licences, sources and bans, then known vulnerabilities and
# withdrawn versions where the list of them can be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { echo "deny: $*" >&2; }

PATH=$(scripts/get-cargo-tool.sh cargo-deny 0.20.2):$PATH
export PATH
cargo deny --locked check licenses sources bans
if cargo deny fetch db; then
    cargo deny --locked check advisories
else
    say "advisories were NOT checked: their list cannot be reached from this machine"
fi
