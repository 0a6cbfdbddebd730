#!/usr/bin/env bash
# Two versions of 10 to 10000 rules with ten edits, compared for all requests: time, memory, growth. Argument: the most rules.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
[ -d build/release ] || cmake --preset release
cmake --build --preset release --target bench-diff
exec build/release/bin/bench-diff "${1:-10000}"
