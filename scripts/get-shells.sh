#!/bin/bash
# Prints a directory with `zsh` and `fish` in it, fetching them first if need be; fails where they
# cannot be had.
#
# Order: the programs on PATH, what an earlier run fetched, the Debian archive that this machine is
# set up for (see from-debian.sh). What is fetched can judge a script, and is no shell to live in.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/shells
# shellcheck source=scripts/from-debian.sh
source "$root/scripts/from-debian.sh"

# Whether the shells in directory $1 start on this machine, by scripts that find their libraries.
starts() {
    local shell program
    mkdir -p "$prefix/start"
    for shell in zsh fish; do
        # Where a package has it differs between suites.
        program=$1/$shell
        [ -x "$program" ] || program=$prefix/bin/$shell
        [ -x "$program" ] || return 1
        cat >"$prefix/start/$shell" <<END
#!/bin/sh
LD_LIBRARY_PATH=\$(echo "$prefix"/usr/lib/*-linux-gnu) exec "$program" "\$@"
END
        chmod +x "$prefix/start/$shell"
        "$prefix/start/$shell" --version >/dev/null 2>&1 || return 1
    done
}

if command -v zsh >/dev/null && command -v fish >/dev/null; then
    dirname "$(command -v fish)"
    exit
fi
if ! starts "$prefix/usr/bin" && ! from_debian "$prefix" zsh fish libpcre2-32-0; then
    say "install zsh and fish and put them on PATH"
    exit 1
fi
echo "$prefix/start"
