#!/bin/bash
# Prints the directory that holds `prometheus` and `promtool`, fetching both first if need be.
#
# Order: the programs on PATH, what an earlier run fetched, the Debian archive that this machine is
# set up for. The last one goes into .cache/ with an apt state of its own: nothing is installed,
# no root is needed, and apt checks the archive's signature as always.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/prometheus
# Newest first: the end-to-end tests should meet the Prometheus that users run. A suite whose
# binaries ask for a newer libc than this machine has is passed over.
suites="sid trixie bookworm"

say() { echo "get-prometheus: $*" >&2; }

# Whether both programs in directory $1 start on this machine.
starts() { "$1/prometheus" --version >/dev/null 2>&1 && "$1/promtool" --version >/dev/null 2>&1; }

# Fetches both programs of suite $1 from archive $2 into $prefix; fails if that suite cannot serve.
fetch() {
    local work
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # the name of now, not of then
    trap "rm -rf '$work'" RETURN
    mkdir -p "$work/empty" "$work/lists/partial" "$work/archives/partial" "$work/debs"
    : >"$work/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $2 $1 main" >"$work/list"
    local apt=(
        -qq -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=2
        -o Dir::Etc::SourceList="$work/list" -o Dir::Etc::SourceParts="$work/empty"
        -o Dir::Etc::PreferencesParts="$work/empty" -o Dir::Etc::Preferences=/dev/null
        -o Dir::State::Lists="$work/lists" -o Dir::State::status="$work/status"
        -o Dir::Cache="$work"
    )
    apt-get "${apt[@]}" update >&2 || return 1
    # promtool is part of the package prometheus in older suites.
    local packages=(prometheus)
    if apt-cache "${apt[@]}" show promtool >/dev/null 2>&1; then packages+=(promtool); fi
    (cd "$work/debs" && apt-get "${apt[@]}" download "${packages[@]}" >&2) || return 1
    rm -rf "$prefix" && mkdir -p "$prefix"
    local deb
    for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$prefix" || return 1; done
    starts "$prefix/usr/bin"
}

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
    dirname "$(command -v prometheus)"
    exit
fi
if ! starts "$prefix/usr/bin"; then
    archive=$(apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed -nE 's#^[^|]*\|(.*/debian/)$#\1#p' | head -n1) || true
    if [ -z "$archive" ]; then
        say "no Debian archive is set up here: install prometheus with promtool and put both on PATH"
        exit 1
    fi
    found=
    for suite in $suites; do
        if fetch "$suite" "$archive"; then found=$suite && break; fi
        say "suite $suite cannot serve, trying the next"
    done
    if [ -z "$found" ]; then
        say "no suite could serve: install prometheus with promtool and put both on PATH"
        exit 1
    fi
    say "fetched $("$prefix/usr/bin/prometheus" --version 2>&1 | head -n1) from suite $found"
fi
echo "$prefix/usr/bin"
