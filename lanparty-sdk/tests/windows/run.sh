#!/bin/sh
# Runs a Windows program under Wine, on a computer of its own: with the driver that plays TAP-Windows6, and with the library
# that plays routes and addresses (iphlpapi/):
#   run.sh PROGRAM.exe [ARGUMENT ...]
# cargo does it with its tests if CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER names this script. The program finds tapctl by
# LANPARTY_TAPCTL. Nothing is left behind.
set -eu
program=${1:?which program?}
shift
here=$(cd "$(dirname "$0")" && pwd)
wine=/usr/lib/wine/wine64
server=/usr/lib/wine/wineserver64
dir=$(mktemp -d)
trap '"$server" -k >/dev/null 2>&1 || :; "$server" -w >/dev/null 2>&1 || :; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
export WINEPREFIX="$dir/prefix" WINEDEBUG="${WINEDEBUG--all}" WINEDLLOVERRIDES="iphlpapi=n,b;mscoree,mshtml="
export TMPDIR="$dir" LANPARTY_TAPCTL='.\tapctl.exe'

LANPARTY_IPHLPAPI_STATE="Z:$(echo "$dir/computer.txt" | tr / '\\')"
export LANPARTY_IPHLPAPI_STATE

sh "$here/build.sh" "$dir"
sh "$here/iphlpapi/build.sh" "$dir"
touch "$dir/computer.txt"
cp "$program" "$dir/program.exe"
cd "$dir"
timeout 120 "$wine" wineboot -i >/dev/null 2>&1
timeout 60 "$server" -w
"$server" -p # it, and the driver with it, would end between two programs otherwise
timeout 60 "$wine" tapctl.exe install taptest.sys
timeout 60 "$wine" tapctl.exe start
timeout 600 "$wine" program.exe "$@"
