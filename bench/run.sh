#!/usr/bin/env bash
# This project against the original stack (FastAPI, gunicorn, cv2), in one run. Arguments are passed to bench/inference/run.py.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
scripts/install-deps.sh build bench
[ -d build/release ] || cmake --preset release
cmake --build --preset release --target headerroute-predict headerroute-proxy
python=/usr/bin/python3
[ -x "$python" ] || python=python3
exec "$python" bench/inference/run.py "$@"
