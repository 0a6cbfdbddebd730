#!/usr/bin/env bash
# Calls headerroute-predict over gRPC by Triton's and KServe's clients (tests/services/grpc_clients.py), which it installs from
# PyPI into build/grpc-clients, once. Exit 77 where the registry does not answer. docs/grpc.md has the last result.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
[ $# -le 1 ] || { echo "usage: scripts/test-grpc-clients.sh [BUILD-FOLDER]" >&2; exit 2; }
build=${1:-build/release}
python=build/grpc-clients/bin/python
packages=('tritonclient[grpc]==2.73.0' 'kserve==0.21.0' numpy pillow)

[ -x "$python" ] || /usr/bin/python3 -m venv build/grpc-clients
if ! timeout 600 "$python" -m pip install --quiet --disable-pip-version-check "${packages[@]}" >build/grpc-clients/install.log 2>&1; then
    echo "skipped: the clients could not be installed from PyPI: $(tail -n 1 build/grpc-clients/install.log)"
    exit 77
fi

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
"$build/bin/headerroute-predict" --listen 127.0.0.1:0 >"$work/log" 2>"$work/messages" &
server=$!
port=
for _ in $(seq 100); do
    port=$(sed -n 's/.* listens on 127.0.0.1:\([0-9]*\).*/\1/p' "$work/messages")
    [ -z "$port" ] || break
    sleep 0.1
done
[ -n "$port" ] || { cat "$work/messages" >&2; exit 1; }
for client in tritonclient kserve; do
    "$python" tests/services/grpc_clients.py "$client" "127.0.0.1:$port"
done
