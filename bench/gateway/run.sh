#!/usr/bin/env bash
# The gateway against nginx, HAProxy and Envoy. Arguments are passed to run.py; see --help.
#
#   bench/gateway/run.sh all [--envoy PATH]
#
# measures all figures of docs/gateway.md, in pieces of less than a minute and in less than 8 minutes altogether. Each
# piece is run by $BENCH_WITH, if that is set: a command that keeps other work away during that time.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
[ -d build/release ] || cmake --preset release
cmake --build --preset release --target headerroute-gateway
python=/usr/bin/python3
[ -x "$python" ] || python=python3
if [ "${1:-}" != all ]; then
    exec "$python" bench/gateway/run.py "$@"
fi
shift
results=$(mktemp)
trap 'rm -f "$results"' EXIT
piece() {
    ${BENCH_WITH:-} "$python" bench/gateway/run.py --rounds 1 --seconds 2 --results "$results" "$@" >"$results.table"
}
for _ in 1 2 3; do
    piece --cores 1 "$@"
    piece --cores 2 "$@"
    piece --cores 1 --sizes 0 --rules 10,1000,10000 "$@"
done
cat "$results.table"
rm -f "$results.table"
${BENCH_WITH:-} "$python" bench/gateway/run.py --idle 1000 "$@"
