#!/bin/sh
# Runs a Windows program with the played computer, in a Wine of its own:
#   run.sh PROGRAM.EXE [ARGUMENTS...]
# For the tests of the library's own routes and leases:
#   run.sh target/x86_64-pc-windows-gnu/debug/deps/lanparty_sdk-....exe route::windows lease::
set -eu
program=${1:?which program?}
shift
here=$(cd "$(dirname "$0")" && pwd)
place=$(mktemp -d)
export WINEPREFIX="$place/wine" WINEDEBUG=-all WINEDLLOVERRIDES="iphlpapi=n,b;mscoree=;mshtml="
end() {
    WINEPREFIX="$place/wine" "${WINESERVER:-/usr/lib/wine/wineserver64}" -k 2>/dev/null || true
    rm -rf "$place"
}
trap end EXIT
mkdir "$place/bin"
sh "$here/build.sh" "$place/bin"
# The standard library needs it, and Wine may lack it.
${CC_WINDOWS:-x86_64-w64-mingw32-gcc} -O2 -shared "$here/../processprng.c" -ladvapi32 -o "$place/bin/bcryptprimitives.dll"
cp "$program" "$place/bin/program.exe"
touch "$place/state.txt"
LANPARTY_IPHLPAPI_STATE="Z:$(echo "$place/state.txt" | tr / '\\')" \
    timeout "${LIMIT_S:-300}" "${WINE:-/usr/lib/wine/wine64}" "$place/bin/program.exe" "$@"
