#!/bin/sh
# Runs a Windows program under Wine, on a computer of its own: with the driver that plays TAP-Windows6, and with the library
# that plays routes and addresses (iphlpapi/):
#   run.sh PROGRAM.exe [ARGUMENT ...]
# cargo does it with its tests if CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER names this script. The program finds tapctl by
# LANPARTY_TAPCTL. Nothing is left behind.
set -eu
program=${1:?which program?}
shift
# Otherwise chance puts the heap of one Wine process in some thousand where Windows' own data must be (0x7FFE0000), and it
# ends before its program begins.
if [ -z "${LANPARTY_ADDRESSES_KEPT-}" ] && setarch -R true 2>/dev/null; then
    LANPARTY_ADDRESSES_KEPT=1 exec setarch -R sh "$0" "$program" "$@"
fi
here=$(cd "$(dirname "$0")" && pwd)
wine=/usr/lib/wine/wine64
server=/usr/lib/wine/wineserver64
dir=$(mktemp -d)
trap '"$server" -k >/dev/null 2>&1 || :; "$server" -w >/dev/null 2>&1 || :; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
export WINEPREFIX="$dir/prefix" WINEDEBUG="${WINEDEBUG--all,err+virtual,err+seh}" WINEDLLOVERRIDES="iphlpapi=n,b;mscoree,mshtml="
export TMPDIR="$dir" LANPARTY_TAPCTL='.\tapctl.exe'

LANPARTY_IPHLPAPI_STATE="Z:$(echo "$dir/computer.txt" | tr / '\\')"
export LANPARTY_IPHLPAPI_STATE

sh "$here/build.sh" "$dir"
sh "$here/iphlpapi/build.sh" "$dir"
touch "$dir/computer.txt"
cp "$program" "$dir/program.exe"
cd "$dir"
if ! timeout 120 "$wine" wineboot -i >wineboot.txt 2>&1; then
    echo "Wine does not start (does it have a gigabyte of disk?): $(cat wineboot.txt)" >&2
    exit 1
fi
timeout 60 "$server" -w
"$server" -p # it, and the driver with it, would end between two programs otherwise
timeout 60 "$wine" tapctl.exe install taptest.sys
timeout 60 "$wine" tapctl.exe start
timeout 600 "$wine" program.exe "$@"
