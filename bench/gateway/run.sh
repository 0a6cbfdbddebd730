#!/usr/bin/env bash
# The gateway against nginx, HAProxy and Envoy. Arguments go to run.py; --help tells.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
[ -d build/release ] || cmake --preset release
cmake --build --preset release --target headerroute-gateway
python=/usr/bin/python3
[ -x "$python" ] || python=python3
exec "$python" bench/gateway/run.py "$@"
