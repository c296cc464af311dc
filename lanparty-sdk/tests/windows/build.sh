#!/bin/sh
# Builds what Windows programs need to run under Wine, and what plays the adapter there:
#   build.sh OUTDIR
# makes taptest.sys, tapctl.exe, driver_test.exe and bcryptprimitives.dll. None of it is ever shipped.
set -eu
out=${1:?which folder?}
here=$(dirname "$0")
cc=${CC_WINDOWS:-x86_64-w64-mingw32-gcc}
flags="-O2 -std=gnu11 -Wall -Wextra -Werror"
mkdir -p "$out"
ddk=$($cc -print-sysroot)/usr/x86_64-w64-mingw32/include/ddk
[ -d "$ddk" ] || ddk=/usr/x86_64-w64-mingw32/include/ddk

$cc $flags -I "$ddk" -ffreestanding -fno-builtin -shared -nostdlib -Wl,--subsystem,native -Wl,--entry,DriverEntry \
    "$here"/driver/*.c -lntoskrnl -o "$out/taptest.sys"
$cc $flags -municode "$here/tapctl.c" -ladvapi32 -o "$out/tapctl.exe"
$cc $flags -shared "$here/processprng.c" -ladvapi32 -o "$out/bcryptprimitives.dll"
$cc $flags "$here/driver_test.c" -o "$out/driver_test.exe"
