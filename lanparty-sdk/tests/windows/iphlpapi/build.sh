#!/bin/sh
# Builds the library into OUTDIR: iphlpapi.dll, and Wine's own as iphlpwine.dll beside it.
set -eu
out=${1:?usage: build.sh OUTDIR}
here=$(cd "$(dirname "$0")" && pwd)
tool=x86_64-w64-mingw32
mkdir -p "$out"

for wine in ${WINE_DLLS:-} /usr/lib/x86_64-linux-gnu/wine/x86_64-windows /usr/lib/wine/x86_64-windows \
    /usr/lib64/wine/x86_64-windows; do
    [ -f "$wine/iphlpapi.dll" ] && break
done
[ -f "$wine/iphlpapi.dll" ] || { echo "build.sh: no iphlpapi.dll of Wine: name its folder in WINE_DLLS" >&2; exit 1; }
# Wine looks for a library with this mark in its own folders only.
LC_ALL=C sed 's/Wine builtin DLL/Wine copied  DLL/' "$wine/iphlpapi.dll" > "$out/iphlpwine.dll"

# What is not made here is passed on.
own=$(sed -n 's/^[A-Z]* WINAPI \([A-Za-z0-9]*\)(.*/\1/p' "$here"/*.c | grep -v DllMain | sort -u)
{
    echo "LIBRARY iphlpapi.dll"
    echo "EXPORTS"
    echo "$own" | sed 's/^/  /'
    $tool-objdump -p "$wine/iphlpapi.dll" |
        awk '/Ordinal\/Name Pointer/ { names = 1; next } names && /^[ \t]*\[/ { print $NF }' |
        grep -v '@' | grep -vxF "$own" | sed 's/.*/  & = iphlpwine.&/'
} > "$out/iphlpapi.def"

# The headers declare each function as somebody else's; here they are made.
$tool-gcc -std=c11 -Wall -Wextra -O1 -g -shared -static-libgcc -DWINIMPM= -o "$out/iphlpapi.dll" \
    "$here"/*.c "$out/iphlpapi.def" -lws2_32
rm -f "$out/iphlpapi.def"
