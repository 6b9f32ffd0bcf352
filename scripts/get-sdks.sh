#!/bin/bash
# Prints a Python that can import the cloud vendor's own SDKs, which the end-to-end tests point at
# the simulator: a client that nobody of this project wrote.
#
# The first run makes a virtual environment in .cache/ and asks pip for the packages; later runs
# need no network.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.cache/sdks
# The last version of the SDK for the legacy v2 API. Pure Python.
packages=(qcloudapi-sdk-python==2.0.15)
probe='import QcloudApi.modules.scf'

say() { echo "get-sdks: $*" >&2; }

if ! "$venv/bin/python" -c "$probe" >/dev/null 2>&1; then
    rm -rf "$venv"
    mkdir -p "$root/.cache"
    if ! python3 -m venv "$venv" >&2; then
        say "python3 cannot make a virtual environment: install Python 3.9 or newer with venv and pip"
        exit 1
    fi
    if ! "$venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" >&2; then
        say "pip could not install ${packages[*]}: check that this machine reaches a package index"
        exit 1
    fi
    if ! "$venv/bin/python" -c "$probe" >&2; then
        say "installed, but the SDK cannot be imported by $("$venv/bin/python" --version)"
        exit 1
    fi
fi
echo "$venv/bin/python"
