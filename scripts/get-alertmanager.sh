#!/bin/bash
# Prints the path of Alertmanager, fetching it first if need be; fails where it cannot be had.
#
# Order: the program on PATH, what an earlier run fetched, the Debian archive that this machine is
# set up for (see from-debian.sh).
#
# Debian's program looks for its templates in /usr/share, wherever it lies itself. So what is fetched
# is started by a small script, which lays the fetched folder over that place for this one process, in
# a namespace of its own. A machine that does not allow that cannot have it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/alertmanager
program=prometheus-alertmanager
# shellcheck source=scripts/from-debian.sh
source "$root/scripts/from-debian.sh"

# Whether the program in directory $1 starts on this machine, by the script that is made for it.
starts() {
    [ -x "$1/$program" ] || return 1
    # The script becomes the program: a signal to it reaches the program.
    cat >"$prefix/start" <<END
#!/bin/sh
exec unshare --map-root-user --mount sh -c '
    mount -t overlay overlay -o "lowerdir=\$0/usr/share:/usr/share" /usr/share &&
        exec "\$0/usr/bin/$program" "\$@"' "$prefix" "\$@"
END
    chmod +x "$prefix/start"
    "$prefix/start" --version >/dev/null 2>&1
}

# Debian's name, and that of the project's own builds.
if command -v "$program" || command -v alertmanager; then exit; fi
if ! starts "$prefix/usr/bin" && ! from_debian "$prefix" "$program"; then
    say "install alertmanager and put it on PATH"
    exit 1
fi
echo "$prefix/start"
