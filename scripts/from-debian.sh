# Programs from the Debian archive that this machine is set up for, without installing anything;
# sourced by scripts that say which.
#
# A package goes below .cache/ with an apt state of its own: no root is needed, and apt checks the
# archive's signature as always.
# shellcheck shell=bash

# Newest first: the end-to-end tests should meet the programs that users run. A suite whose
# binaries ask for a newer libc than this machine has is passed over.
suites="sid trixie bookworm"

say() { echo "$(basename "$0" .sh): $*" >&2; }

# Unpacks those of the packages $4... that suite $1 has into $2, from the archive $3.
unpack_suite() {
    local suite=$1 prefix=$2 archive=$3 work package
    shift 3
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # the name of now, not of then
    trap "rm -rf '$work'" RETURN
    mkdir -p "$work/empty" "$work/lists/partial" "$work/archives/partial" "$work/debs"
    : >"$work/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $suite main" \
        >"$work/list"
    local apt=(
        -qq -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=2
        -o Dir::Etc::SourceList="$work/list" -o Dir::Etc::SourceParts="$work/empty"
        -o Dir::Etc::PreferencesParts="$work/empty" -o Dir::Etc::Preferences=/dev/null
        -o Dir::State::Lists="$work/lists" -o Dir::State::status="$work/status"
        -o Dir::Cache="$work"
    )
    apt-get "${apt[@]}" update >&2 || return 1
    local packages=()
    for package in "$@"; do
        if apt-cache "${apt[@]}" show "$package" >/dev/null 2>&1; then packages+=("$package"); fi
    done
    [ ${#packages[@]} -gt 0 ] || return 1
    (cd "$work/debs" && apt-get "${apt[@]}" download "${packages[@]}" >&2) || return 1
    rm -rf "$prefix" && mkdir -p "$prefix"
    local deb
    for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$prefix" || return 1; done
}

# Unpacks the packages $2... into $1, from the newest suite of which the caller's function `starts`
# finds that its programs in $1/usr/bin start here; fails, with a word about it, if none can serve.
from_debian() {
    local prefix=$1 archive suite
    shift
    archive=$(apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed -nE 's#^[^|]*\|(.*/debian/)$#\1#p' | head -n1) || true
    if [ -z "$archive" ]; then
        say "no Debian archive is set up here"
        return 1
    fi
    for suite in $suites; do
        if unpack_suite "$suite" "$prefix" "$archive" "$@" && starts "$prefix/usr/bin"; then
            say "fetched $* from suite $suite"
            return
        fi
        say "suite $suite cannot serve, trying the next"
    done
    say "no suite could serve"
    return 1
}
