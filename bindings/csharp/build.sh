#!/usr/bin/env bash
# Builds the assembly, its tests, the throughput figure and the example launcher with Mono's compiler, into bin/.
set -euo pipefail
cd "$(dirname "$0")"

# LANPARTY_SPAN: this Mono has System.Span, so the overloads for it are compiled and tested too.
MCS=(mcs -langversion:7.2 -warn:4 -warnaserror -optimize+ -debug -unsafe -define:LANPARTY_SPAN)

mkdir -p bin
"${MCS[@]}" -target:library -doc:bin/LanParty.xml -out:bin/LanParty.dll LanParty/*.cs
cp LanParty/LanParty.dll.config bin/
"${MCS[@]}" -target:exe -reference:bin/LanParty.dll -out:bin/Tests.exe Tests/*.cs
"${MCS[@]}" -target:exe -reference:bin/LanParty.dll -out:bin/Throughput.exe Bench/Throughput.cs
"${MCS[@]}" -target:exe -reference:bin/LanParty.dll -out:bin/Launcher.exe ../../examples/embed/csharp/Launcher.cs

# And as the package's older target has it.
mcs -langversion:7.2 -warn:4 -warnaserror -unsafe -target:library -out:bin/without-span.dll LanParty/*.cs
rm bin/without-span.dll
