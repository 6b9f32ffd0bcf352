#!/bin/bash
# Prints the path of a Chromium that runs without a screen, fetching it first if need be; fails
# where it cannot be had.
#
# Order: a program on PATH, what an earlier run fetched, the Debian archive that this machine is
# set up for. A browser needs dozens of libraries, so here apt itself works out what this machine
# lacks; nothing is installed, all goes below .cache/, and no root is needed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/chromium
browser=$prefix/browser
# shellcheck source=scripts/from-debian.sh
source "$root/scripts/from-debian.sh"

starts() { "$browser" --version >/dev/null 2>&1; }

fetch() {
    local work deb
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # the name of now, not of then
    trap "rm -rf '$work'" RETURN
    mkdir -p "$work/lists/partial" "$work/archives/partial"
    local apt=(
        -qq -y -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=2
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work" -o Debug::NoLocking=true
    )
    apt-get "${apt[@]}" update >&2 || return 1
    # The fonts are for the screenshots: a machine without a screen has none.
    apt-get "${apt[@]}" --download-only --no-install-recommends install \
        chromium-headless-shell fonts-inter fonts-dejavu-core >&2 || return 1
    rm -rf "$prefix" && mkdir -p "$prefix"
    for deb in "$work"/archives/*.deb; do dpkg-deb -x "$deb" "$prefix" || return 1; done
    wrap
}

# A program that finds the libraries and fonts below the prefix, wherever that was moved to.
wrap() {
    cat >"$prefix/fonts.conf" <<'END'
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <cachedir prefix="relative">cache</cachedir>
  <alias binding="same"><family>system-ui</family><prefer><family>Inter</family></prefer></alias>
  <alias binding="same"><family>sans-serif</family><prefer><family>Inter</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
END
    cat >"$browser" <<'END'
#!/bin/bash
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
libraries=$(printf '%s:' "$here"/usr/lib/*-linux-gnu "$here"/usr/lib/*-linux-gnu/pulseaudio)
export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:-} FONTCONFIG_FILE=$here/fonts.conf
exec "$here/usr/lib/chromium/chromium-headless-shell" "$@"
END
    chmod +x "$browser"
}

for name in chromium-headless-shell chromium chromium-browser google-chrome; do
    if command -v "$name"; then exit; fi
done
if ! starts && ! { fetch && starts; }; then
    say "install chromium and put it on PATH"
    exit 1
fi
echo "$browser"
