#!/bin/bash
# Prints the path of a C compiler for static programs with musl, fetching musl's headers first if need
# be; fails where that cannot be had.
#
# Order: musl-gcc on PATH, what an earlier run fetched, the Debian archive that this machine is set up
# for (see from-debian.sh), whose headers this machine's own compiler then takes. Rust brings the
# library itself along.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/.cache/musl
# shellcheck source=scripts/from-debian.sh
source "$root/scripts/from-debian.sh"

# Whether this machine's compiler takes the headers that were fetched, by the script that is made for it.
starts() {
    local headers
    headers=$(echo "$prefix"/usr/include/*-linux-musl)
    [ -d "$headers" ] || return 1
    cat >"$prefix/musl-cc" <<END
#!/bin/sh
exec gcc -nostdinc -isystem "$headers" -isystem "\$(gcc -print-file-name=include)" "\$@"
END
    chmod +x "$prefix/musl-cc"
    # Something that glibc has otherwise: its headers would be found out.
    printf '#include <stdio.h>\n#ifdef __GLIBC__\n#error\n#endif\n' |
        "$prefix/musl-cc" -x c -fsyntax-only - >&2
}

if command -v musl-gcc; then exit; fi
if ! command -v gcc >/dev/null; then
    say "install musl-gcc, or gcc, and put it on PATH"
    exit 1
fi
if ! starts && ! from_debian "$prefix" musl-dev; then
    say "install musl-gcc and put it on PATH"
    exit 1
fi
echo "$prefix/musl-cc"
