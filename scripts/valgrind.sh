#!/usr/bin/env bash
# Runs libheaderroute under valgrind's memcheck.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/valgrind.sh [REPLAY-ARGS...]

Runs the recorded cases of tests/conformance (REPLAY-ARGS are those of its replay.py), the corpora of the fuzz targets and the
threads test under memcheck. Takes minutes and is not a part of test.sh. Installs missing Debian packages. Exit 1 at any
error or lost block.
USAGE
}

case ${1:-} in --help | -h) usage; exit 0 ;; esac
cd "$(dirname "$(readlink -f "$0")")/.."
scripts/install-deps.sh build test
out=build/valgrind
mkdir -p "$out"
rm -f "$out"/memcheck.*
{
    cmake --preset dev
    cmake --build --preset dev --target headerroute-cli test-hr-threads -j"$(nproc)"
} >"$out/build.log" 2>&1 || { tail -n 40 "$out/build.log"; exit 1; }

# Runs the program in valgrind, under the program's name. Memory that is still reachable at the end is not lost: RE2
# and the C++ runtime keep their tables until the process exits.
cat >"$out/headerroute" <<WRAPPER
#!/bin/sh
exec valgrind -q --tool=memcheck --leak-check=full --show-leak-kinds=definite,indirect,possible \\
    --errors-for-leak-kinds=definite,indirect,possible --suppressions='$PWD/scripts/valgrind.supp' --error-exitcode=99 --log-file='$PWD/$out/memcheck.%p' \\
    '$PWD/build/release/bin/headerroute' "\$@"
WRAPPER
chmod +x "$out/headerroute"
failed=0
one() { # ALLOWED-EXIT-CODES COMMAND...: anything else, and valgrind's 99, is a failure
    local allowed=$1 code=0
    shift
    timeout 300 "$@" >/dev/null 2>"$out/stderr" || code=$?
    [[ " $allowed " == *" $code "* ]] || { echo "FAILED ($code): $*"; failed=$((failed + 1)); }
}

echo "== recorded cases"
python3 tests/conformance/replay.py --headerroute "$out/headerroute" "$@" || failed=$((failed + 1))
echo "== corpora"
for f in tests/fuzz/corpus/yaml_fuzzer/*; do
    cp "$f" "$out/input.yaml"
    one "0 1" "$out/headerroute" validate "$out/input.yaml"
done
for f in tests/fuzz/corpus/batch_fuzzer/*; do
    one 0 "$out/headerroute" route -f tests/headerroute/fixtures/batch.yaml --batch "$f"
done
one 0 "$out/headerroute" explain -f k8s/base -f k8s/local -H 'target: condition1' http://proxy-server:5000/predict
echo "== threads"
one 0 valgrind -q --tool=memcheck --leak-check=full --errors-for-leak-kinds=definite,indirect,possible \
    --suppressions=scripts/valgrind.supp --error-exitcode=99 --log-file="$PWD/$out/memcheck.%p" build/release/bin/test-hr-threads

find "$out" -name 'memcheck.*' -size +0 -exec cat {} + | head -n 100
runs=$(find "$out" -name 'memcheck.*' | wc -l)
with=$(find "$out" -name 'memcheck.*' -size +0 | wc -l)
echo "valgrind: $runs runs, $with with errors or lost blocks, $failed failed"
[ "$failed" = 0 ] && [ "$with" = 0 ] && [ "$runs" -gt 0 ]
