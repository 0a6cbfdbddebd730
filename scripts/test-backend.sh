#!/usr/bin/env bash
# Builds the servers on the event loop library that is not the default, and runs the suites that depend on it.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/test-backend.sh [libuv|h2o]

Builds the servers on that event loop library (default: libuv) in build/BACKEND, and runs the suites that depend on it.
Needs the packages of `scripts/install-deps.sh build test`.
USAGE
}

backend=${1:-libuv}
case $backend in
--help | -h) usage; exit 0 ;;
libuv | h2o) ;;
*) echo "test-backend.sh: unknown event loop '$backend' (try --help)" >&2; exit 2 ;;
esac
cd "$(dirname "$(readlink -f "$0")")/.."
dir=build/$backend
cmake --preset dev -B "$dir" -DHR_NET_BACKEND="$backend" -DHR_WERROR=ON -DHR_BUILD_OPENCV=OFF -DHR_BUILD_PYTHON=OFF >/dev/null
cmake --build "$dir" -j"$(nproc)" --target headerroute-cli headerroute-gateway headerroute-proxy headerroute-predict test-net >"$dir/build.log" 2>&1 || {
    tail -n 40 "$dir/build.log"
    exit 1
}
ctest --test-dir "$dir" --output-on-failure -R '^test-net$|^services-(gateway|upstream|proxy|drain|http2)|^test-services-(hygiene|server|jobs)$'
