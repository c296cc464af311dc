#!/bin/sh
# Runs a Windows program under Wine, on a computer of its own that has the driver which plays TAP-Windows6:
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
export WINEPREFIX="$dir/prefix" WINEDEBUG="${WINEDEBUG--all}" WINEDLLOVERRIDES="mscoree,mshtml="
export LANPARTY_TAPCTL='.\tapctl.exe'

sh "$here/build.sh" "$dir"
cp "$program" "$dir/program.exe"
cd "$dir"
timeout 120 "$wine" wineboot -i >/dev/null 2>&1
"$server" -p # or it would end with the driver between two programs
timeout 60 "$wine" tapctl.exe install taptest.sys
timeout 60 "$wine" tapctl.exe start
timeout 600 "$wine" program.exe "$@"
