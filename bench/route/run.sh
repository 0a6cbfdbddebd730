#!/usr/bin/env bash
# Decisions against a plain walk, XXH3 and libyaml, in one run of about two minutes: first the ratios of the demo's rules and of
# growth, then the tables, threads and loading. Argument: rules of the largest table (100000).
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
cmake --preset dev >/dev/null
cmake --build --preset dev --target bench-route
exec build/release/bin/bench-route "${1:-100000}" .
