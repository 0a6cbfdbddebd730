#!/usr/bin/env bash
# Installs missing packages, builds, runs every test and prints one summary.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: ./test.sh [--quick] [--only REGEX]

  --quick        the optimised build only, without the sanitizer builds
  --only REGEX   only the tests whose name matches (ctest -R)
  --help         this text

Installs missing Debian packages (as root, or with sudo), builds into build/, runs
the tests of the release build, then those of the AddressSanitizer + UBSan build and
the threaded ones of the ThreadSanitizer build. Exit 0 only if everything passed.
USAGE
}

quick=0 only=''
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=1 ;;
    --only)
        [ -n "${2:-}" ] || { echo "test.sh: --only needs a pattern" >&2; exit 2; }
        only=$2
        shift
        ;;
    --help | -h) usage; exit 0 ;;
    *) echo "test.sh: unknown argument '$1' (try --help)" >&2; exit 2 ;;
    esac
    shift
done

cd "$(dirname "$(readlink -f "$0")")"
out=$PWD/build/test-results
mkdir -p "$out"
names=() minutes=() passed=() failed=()

# run NAME PRESET FOLDER CTEST-ARGS...: builds a preset and runs its tests; records failures and continues.
run() {
    local name=$1 preset=$2 folder=$3 begin=$SECONDS junit=$out/$1.xml
    shift 3
    echo
    echo "== $name: building the preset '$preset'"
    rm -f "$junit"
    if cmake --preset "$preset" -DHR_WERROR=ON >"$out/$name.configure.log" 2>&1 \
        && cmake --build --preset "$preset" -j"$(nproc)" >"$out/$name.build.log" 2>&1; then
        echo "== $name: running its tests"
        ctest --test-dir "$folder" --output-on-failure --no-tests=error --output-junit "$junit" \
            -j"$(nproc)" ${only:+-R "$only"} "$@" || true
    else
        tail -n 40 "$out/$name.configure.log" "$out/$name.build.log" 2>/dev/null || true
    fi
    # A run without a report is a failure as well: the build failed or there was no test.
    local total=0 bad=1
    if [ -f "$junit" ]; then
        total=$(grep -o -m1 'tests="[0-9]*"' "$junit" | grep -o '[0-9]*')
        bad=$(grep -o -m1 'failures="[0-9]*"' "$junit" | grep -o '[0-9]*')
        [ "$total" -gt 0 ] || bad=1
    fi
    names+=("$name") failed+=("$bad") passed+=($((total - bad < 0 ? 0 : total - bad)))
    minutes+=("$(awk -v s=$((SECONDS - begin)) 'BEGIN { printf "%.1f", s / 60 }')")
}

scripts/install-deps.sh build test
run release dev build/release
if [ "$quick" = 0 ]; then
    run sanitizers asan build/asan -L sanitize
    run threads tsan build/tsan -L threads
fi

echo
echo "suite         minutes   passed   failed"
all_passed=0 all_failed=0
for i in "${!names[@]}"; do
    printf '%-12s %8s %8d %8d\n' "${names[$i]}" "${minutes[$i]}" "${passed[$i]}" "${failed[$i]}"
    all_passed=$((all_passed + passed[i])) all_failed=$((all_failed + failed[i]))
done
echo "$all_passed passed, $all_failed failed"
[ "$all_failed" = 0 ] && [ "$all_passed" -gt 0 ]
