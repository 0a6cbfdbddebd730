#!/usr/bin/env bash
# Calls headerroute-predict over gRPC by Triton's and KServe's clients.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/test-grpc-clients.sh [BUILD-DIR]

Calls headerroute-predict of BUILD-DIR (default: build/release) over gRPC, alone and behind gateway and proxies, by the clients of
Triton and KServe (tests/services/grpc_clients.py), which it installs from PyPI into build/grpc-clients, once. Exit 77
where the registry does not answer. docs/grpc.md has the last result.
USAGE
}

case ${1:-} in --help | -h) usage; exit 0 ;; -*) echo "test-grpc-clients.sh: unknown flag '$1' (try --help)" >&2; exit 2 ;; esac
cd "$(dirname "$(readlink -f "$0")")/.."
build=${1:-build/release}
[ -x "$build/bin/headerroute-predict" ] || { echo "test-grpc-clients.sh: $build/bin/headerroute-predict does not exist: build it first" >&2; exit 1; }
python=build/grpc-clients/bin/python
packages=('tritonclient[grpc]==2.73.0' 'kserve==0.21.0' numpy pillow)

# Without pip: an earlier run was interrupted.
"$python" -m pip --version >/dev/null 2>&1 || /usr/bin/python3 -m venv --clear build/grpc-clients
if ! timeout 600 "$python" -m pip install --quiet --disable-pip-version-check "${packages[@]}" >build/grpc-clients/install.log 2>&1; then
    echo "skipped: the clients could not be installed from PyPI: $(tail -n 1 build/grpc-clients/install.log)"
    exit 77
fi

work=$(mktemp -d)
servers=()
trap '[ ${#servers[@]} = 0 ] || kill "${servers[@]}"; rm -rf "$work"' EXIT

# start NAME PROGRAM FLAG...: runs a server on a free port, or where the flags say; sets `port`.
start() {
    local name=$1 program=$2
    shift 2
    "$build/bin/$program" --name "$name" "$@" >"$work/$name.log" 2>"$work/$name" &
    servers+=($!)
    port=
    for _ in $(seq 100); do
        port=$(sed -n 's/.* listens on [0-9.]*:\([0-9]*\).*/\1/p' "$work/$name")
        [ -z "$port" ] || return 0
        sleep 0.1
    done
    cat "$work/$name" >&2
    return 1
}

# Where the demo's files say that the pods are, but on other addresses, so that a running demo is not in the way.
sed 's/127\.0\.0\./127.77.0./' k8s/local/endpoints.yaml >"$work/endpoints.yaml"
for i in 1 2; do
    GRAB_CUT_ITERS=$((i * 3)) start "predict$i" headerroute-predict --listen "127.77.0.2$i:$((5009 + i))"
    PREDICT_SERVER_URL=http://127.77.0.2$i:$((5009 + i)) start "proxy$i" headerroute-proxy --listen "127.77.0.1$i:5000"
done
start gateway headerroute-gateway --listen 127.0.0.1:0 -f k8s/base -f "$work/endpoints.yaml"
for client in tritonclient kserve; do
    "$python" tests/services/grpc_clients.py "$client" 127.77.0.21:5010
    for target in condition1 condition2; do
        echo "# through gateway and proxy, target: $target"
        "$python" tests/services/grpc_clients.py "$client" "127.0.0.1:$port" "$target"
    done
done
for i in 1 2; do
    grep -q '"path":"/inference.GRPCInferenceService/ModelInfer".*"grpc_status":0' "$work/predict$i.log" ||
        { echo "predict$i was not called" >&2; exit 1; }
done
