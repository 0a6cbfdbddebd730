#!/usr/bin/env bash
# Builds every fuzz target with clang under ASan and UBSan and runs each for a while over its corpus. Without --seed
# each run tries other inputs, to find faults; CI names a seed, so that its inputs are the same from one run to the next.
set -euo pipefail
seconds=60 only='' seed=0
usage="usage: scripts/fuzz.sh [--seconds N] [--seed N] [--only TARGET]"
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=${2:?$usage}; shift ;;
    --only) only=${2:?$usage}; shift ;;
    --seed) seed=${2:?$usage}; shift ;;
    --help | -h) echo "$usage"; exit 0 ;;
    *) echo "$usage" >&2; exit 2 ;;
    esac
    shift
done
cd "$(dirname "$(readlink -f "$0")")/.."
mkdir -p build/fuzz-work
cmake --preset fuzz >build/fuzz-work/configure.log 2>&1 && cmake --build --preset fuzz >build/fuzz-work/build.log 2>&1 || {
    tail -n 40 build/fuzz-work/configure.log build/fuzz-work/build.log
    exit 1
}

# A small input that takes much memory is a finding, too. No single allocation may be above 80 MiB: the largest that a
# target may ask for is what grabcut_decode allows by default, 64 MiB and 16 bytes for each of the 65,536 pixels that
# decode_fuzzer takes. All together must stay below 300 MiB, the limit of a pod, with AddressSanitizer's freed blocks,
# of which it keeps 16 MiB here.
malloc_limit_mb=80 rss_limit_mb=300
export ASAN_OPTIONS=quarantine_size_mb=16

# With one seed and fixed addresses a target tries the same inputs in the same order, also on another machine, as far
# as its time goes: hash tables and libFuzzer both read addresses.
fixed=()
if [ "$seed" != 0 ] && setarch -R true 2>/dev/null; then
    fixed=(setarch -R)
fi

ran=0 bad=0
fuzz_one() {
    local target=$1 name
    name=$(basename "$target")
    # New inputs go to the work folder; the checked-in corpus is only read. A run with a seed starts without those of
    # earlier runs.
    [ "$seed" = 0 ] || rm -rf "build/fuzz-work/$name"
    mkdir -p "build/fuzz-work/$name"
    local args=(-max_total_time="$seconds" -seed="$seed" -timeout=20 -print_final_stats=1
        -malloc_limit_mb="$malloc_limit_mb" -rss_limit_mb="$rss_limit_mb"
        -artifact_prefix="build/fuzz-work/$name-" "build/fuzz-work/$name")
    local corpus
    for corpus in "tests/fuzz/corpus/$name" "tests/fuzz/corpus/$name"-*; do
        [ -d "$corpus" ] && args+=("$corpus")
    done
    [ -f "tests/fuzz/$name.dict" ] && args=(-dict="tests/fuzz/$name.dict" "${args[@]}")
    if "${fixed[@]}" "$target" "${args[@]}" >"build/fuzz-work/$name.log" 2>&1; then
        echo "$name: ok, $(awk '/number_of_executed_units/ { print $2 }' "build/fuzz-work/$name.log") runs"
    else
        echo "$name: FAILED"
        # The input itself is printed in base64, so that it can be tried elsewhere.
        grep -E '^(SUMMARY|==[0-9]+== ?ERROR|Base64)|runtime error|Test unit written' "build/fuzz-work/$name.log" || true
        tail -n 60 "build/fuzz-work/$name.log"
        return 1
    fi
}
for target in build/fuzz/bin/*_fuzzer; do
    [ -x "$target" ] || continue
    [ -z "$only" ] || [ "$(basename "$target")" = "$only" ] || continue
    ran=$((ran + 1))
    fuzz_one "$target" || bad=$((bad + 1))
done
echo "fuzz: $((ran - bad)) passed, $bad failed"
[ "$ran" -gt 0 ] && [ "$bad" = 0 ]
