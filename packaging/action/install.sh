#!/usr/bin/env bash
# A step of action.yml: puts `headerroute` on the PATH of the steps that follow. One that is there already is used; otherwise
# the command is built from the action's own tree, on Debian or Ubuntu.
set -euo pipefail

if command -v headerroute >/dev/null; then
    echo "uses $(command -v headerroute), $(headerroute --version)"
    exit 0
fi
tree=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
build=${RUNNER_TEMP:?}/headerroute
"$tree/scripts/install-deps.sh" libraries
cmake -S "$tree" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DHR_BUILD_SERVICES=OFF -DHR_BUILD_PYTHON=OFF -DHR_BUILD_OPENCV=OFF >"$build.log" 2>&1 || { cat "$build.log"; exit 1; }
cmake --build "$build" --target headerroute-cli
echo "$build/bin" >>"${GITHUB_PATH:?}"
