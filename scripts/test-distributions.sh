#!/usr/bin/env bash
# Builds and tests the project in minimal roots of the distributions that it supports.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/test-distributions.sh [--commands] [--fresh] [SUITE]...

For each suite of bookworm (Debian 12), trixie (Debian 13) and noble (Ubuntu 24.04): makes a minimal root, installs what
scripts/install-deps.sh names, builds libraries, command lines, servers, Python modules and tests with the suite's GCC and
warnings as errors, runs the tests of libraries, command lines, Python modules and servers, then builds everything but the
tests with the suite's clang. Prints one line a suite for docs/platforms.md; a suite whose archive cannot be reached is
reported as not run.

  --commands  only ./demo.sh and ./test.sh in a fresh copy of the tree, nothing installed before (default suite: bookworm);
              takes as long as ./test.sh and needs the demo's addresses
  --fresh     make the roots anew; without it those of an earlier run in build/roots are used

Needs root and the packages of `scripts/install-deps.sh packages`. Takes about 10 minutes a suite on two cores. Exit 0 if all passed, 1 if one failed, 77 if none
could be reached.
USAGE
}

commands=0 fresh=0 suites=()
while [ $# -gt 0 ]; do
    case $1 in
    --commands) commands=1 ;;
    --fresh) fresh=1 ;;
    --help | -h) usage; exit 0 ;;
    bookworm | trixie | noble) suites+=("$1") ;;
    *) echo "test-distributions.sh: unknown argument '$1' (try --help)" >&2; exit 2 ;;
    esac
    shift
done
cd "$(dirname "$(readlink -f "$0")")/.."
[ "$(id -u)" = 0 ] || { echo "test-distributions.sh: needs root, for chroot" >&2; exit 1; }
scripts/install-deps.sh packages
if [ ${#suites[@]} = 0 ]; then
    if [ $commands = 1 ]; then suites=(bookworm); else suites=(bookworm trixie noble); fi
fi
# shellcheck source=scripts/roots.sh
. scripts/roots.sh
logs=$PWD/build/distributions
mkdir -p "$logs"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What the tests that run here need. The group `test` has browsers and more, which not every suite packages.
test_packages=(libcriterion-dev make clang curl openssl python3-pytest python3-numpy python3-opencv python3-pil python3-requests
    python3-tqdm python3-yaml python3-jsonschema python3-cryptography python3-h2 python3-grpcio)
tests='^test-hr-|^test-prove$|^test-conformance$|^test-net|^test-http[12]|^test-grpc|^test-body-header|^bindings$|^client$'
tests+='|^test-grabcut-(probe|decode|encode|cutout|segment_api|lying_files|fast_engine|threads|kmeans|maxflow|kernels|vp8l|corpus-decode|command)$'
tests+='|^services-(proxy|gateway|gateway-tls|gateway-http|gateway-grpc|drain|upstream|upstream-http2|http2|predict-grpc)$'
tests+='|^test-services-(server|predict|jobs)$'

cat >"$work/inside.sh" <<'INSIDE'
set -euxo pipefail
cd /root/headerroute
scripts/install-deps.sh build
DEBIAN_FRONTEND=noninteractive apt-get -qq --no-install-recommends -y install $TEST_PACKAGES
# ---- GCC, with tests
cmake --preset dev -DHR_WERROR=ON
cmake --build --preset dev -j"$(nproc)"
ctest --test-dir build/release -j"$(nproc)" --output-on-failure --no-tests=error -R "$TESTS" 2>&1 | tee build/ctest.log
# ---- clang, without
cmake --preset release -B build/clang -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DHR_WERROR=ON
cmake --build build/clang -j"$(nproc)"
build/clang/bin/headerroute test -f tests/headerroute/routing/mesh tests/headerroute/routing | tail -n 1
build/clang/bin/grabcut --iterations 1 -o build/clang.png photos/portrait.jpg
build/release/bin/grabcut --iterations 1 -o build/gcc.png photos/portrait.jpg
cmp build/clang.png build/gcc.png
INSIDE

about() { # ROOT: "| system | GCC | clang | Python | event loop |" as the tools there say
    in_root "$1" bash -c '
        . /etc/os-release
        loop=libuv
        grep -q "H2O_EVLOOP_FOUND:INTERNAL=1" /root/headerroute/build/release/CMakeCache.txt && loop=libh2o-evloop
        printf "| %s | %s | %s | %s | %s |" "$PRETTY_NAME" "$(gcc -dumpfullversion)" "$(clang -dumpversion)" \
            "$(python3 -c "import platform; print(platform.python_version())")" "$loop"'
}

make_root() { # SUITE: prints the folder of a new root with the tree in it
    [ $fresh = 0 ] || root_forget "$1"
    root_archive "$1" || return 77
    root_unpack "$1" "$work/$1" && copy_tree "$work/$1/root/headerroute" && echo "$work/$1"
}

try_suite() { # SUITE
    local root=$work/$1 counted
    cp "$work/inside.sh" "$root/root/"
    in_root "$root" env TESTS="$tests" TEST_PACKAGES="${test_packages[*]}" bash /root/inside.sh >"$logs/$1.log" 2>&1 || {
        tail -n 40 "$logs/$1.log" >&2
        return 1
    }
    counted=$(sed -nE 's/^100% tests passed, 0 tests failed out of ([0-9]+)$/\1/p' "$root/root/headerroute/build/ctest.log")
    echo "$(about "$root") $counted of $counted |" | tee -a "$logs/results.txt"
}

try_commands() { # SUITE
    local root=$work/$1
    # A repository, as a clone is: some tests ask git which files there are.
    command git -C "$root/root/headerroute" init -q && command git -C "$root/root/headerroute" add -A
    in_root "$root" bash -c 'cd / && /root/headerroute/demo.sh && /root/headerroute/test.sh'
}

commit=$(git -c safe.directory="$PWD" describe --always --dirty --exclude '*' 2>/dev/null || echo unknown)
echo "$(date +%F), commit $commit"
: >"$logs/results.txt"
passed=0 failed=0 skipped=0
for suite in "${suites[@]}"; do
    code=0
    make_root "$suite" >/dev/null || code=$?
    if [ $code = 77 ]; then
        echo "$suite: not run, its archive cannot be reached (build/roots/$suite.log)"
        skipped=$((skipped + 1))
        continue
    fi
    if [ $commands = 1 ]; then try_commands "$suite" || code=$?; else try_suite "$suite" || code=$?; fi
    if [ $code = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    rm -rf "${work:?}/$suite"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] || exit 1
[ $passed != 0 ] || exit 77
