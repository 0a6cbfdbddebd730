#!/usr/bin/env bash
# Writes or compares the description of the libraries' ABI in abi/; docs/abi.md has the promise.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/abi.sh [--update] [BUILD]

Compares the ABI of the shared libraries in BUILD (default: build/release) with the baselines
abi/*.abi and prints every difference.

  --update   write the baselines anew instead
  --help     this text

Needs abidw and abidiff (Debian: abigail-tools) and libraries with debug information (-g).
Exit 0 if nothing differs, 1 if something does, 2 if the command line is wrong.
USAGE
}

update=0 build=build/release
while [ $# -gt 0 ]; do
    case $1 in
    --update) update=1 ;;
    --help | -h) usage; exit 0 ;;
    -*) echo "abi.sh: unknown flag '$1' (try --help)" >&2; exit 2 ;;
    *) build=$1 ;;
    esac
    shift
done
build=$(readlink -f "$build")
cd "$(dirname "$(readlink -f "$0")")/.."
baseline=$PWD/abi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# describe LIBRARY OUT: what the public headers declare, without places in files and types of the implementation.
describe() {
    abidw --exported-interfaces-only --drop-private-types --headers-dir "lib$1/include" --type-id-style hash \
        --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --out-file "$2" "$build/lib/lib$1.so"
}

status=0
for library in headerroute grabcut; do
    if [ $update = 1 ]; then
        describe "$library" "$baseline/lib$library.abi"
        echo "abi/lib$library.abi: written"
        continue
    fi
    describe "$library" "$work/lib$library.abi"
    if abidiff "$baseline/lib$library.abi" "$work/lib$library.abi" >"$work/difference"; then
        echo "lib$library: no difference"
    else
        echo "lib$library: differs from abi/lib$library.abi"
        cat "$work/difference"
        status=1
    fi
done
exit $status
