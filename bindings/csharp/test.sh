#!/usr/bin/env bash
# Builds and runs the tests. LANPARTY_LIBRARY names the native library; an argument is a part of the tests' names.
set -euo pipefail
LANPARTY_ROOT=$(cd "$(dirname "$0")/../.." && pwd)
export LANPARTY_ROOT
# Before the folder changes, for the path may be a relative one.
LANPARTY_LIBRARY=$(realpath -m "${LANPARTY_LIBRARY:-$LANPARTY_ROOT/target/debug/liblanparty.so}")
cd "$LANPARTY_ROOT/bindings/csharp"
[ -f "$LANPARTY_LIBRARY" ] || { echo "no native library: $LANPARTY_LIBRARY" >&2; exit 1; }

./build.sh

# Folders of their own: whatever lies beside the libraries is not found by accident.
mkdir -p bin/native bin/other-abi
ln -sfn "$LANPARTY_LIBRARY" bin/native/liblanparty.so
"${CC:-cc}" -shared -fPIC -o bin/other-abi/liblanparty.so Tests/other_abi.c
LD_LIBRARY_PATH="$PWD/bin/native"
LANPARTY_OTHER_ABI="$PWD/bin/other-abi"
export LD_LIBRARY_PATH LANPARTY_OTHER_ABI

exec mono --debug bin/Tests.exe "$@"
