#!/usr/bin/env bash
# Runs the tests of libheaderroute with counted lines.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/coverage.sh [PERCENT]

Builds libheaderroute for gcov in build/coverage, runs its tests, and prints the share of lines that ran, file by file.
Exit 1 if it is below PERCENT (default: 90). Installs missing Debian packages.
USAGE
}

case ${1:-} in
--help | -h) usage; exit 0 ;;
*) [[ $# -le 1 && ${1:-90} =~ ^[0-9]+(\.[0-9]+)?$ ]] || { echo "coverage.sh: expected a percentage, got '$*' (try --help)" >&2; exit 2; } ;;
esac
cd "$(dirname "$(readlink -f "$0")")/.."
scripts/install-deps.sh build test cover
out=build/coverage
mkdir -p "$out"
cmake --preset coverage >"$out/configure.log" 2>&1 || { tail -n 40 "$out/configure.log"; exit 1; }
# These tests are programs; the others run the command line.
mapfile -t tests < <(ctest --test-dir "$out" -N -R '^test-hr-' -E '^test-hr-(cli|fixtures|routing)$' | awk '/Test +#/ { print $NF }')
cmake --build "$out" -j"$(nproc)" --target headerroute-cli "${tests[@]}" >"$out/build.log" 2>&1 || {
    tail -n 40 "$out/build.log"
    exit 1
}
find "$out" -name '*.gcda' -delete
ctest --test-dir "$out" -R '^test-(hr-|conformance$)' --output-on-failure -j"$(nproc)"
gcovr --root . --filter libheaderroute/src/ --object-directory "$out/libheaderroute" \
    --fail-under-line "${1:-90}" "$out/libheaderroute"
