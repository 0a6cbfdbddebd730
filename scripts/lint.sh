#!/usr/bin/env bash
# Warnings as errors from two compilers' eyes: clang-tidy over the C sources, shellcheck over the scripts.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
cmake --preset dev -DHR_WERROR=ON >/dev/null
cmake --build --preset dev -j"$(nproc)" >build/lint-build.log 2>&1 || { tail -n 40 build/lint-build.log; exit 1; }
mapfile -t sources < <(git ls-files 'libheaderroute/*.c' 'libgrabcut/*.c' 'services/*.c')
printf '%s\0' "${sources[@]}" | xargs -0 -P "$(nproc)" -n 6 clang-tidy --quiet -p build/release 2>build/lint-tidy.log || {
    tail -n 20 build/lint-tidy.log
    exit 1
}
echo "clang-tidy: ${#sources[@]} files clean"
mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
shellcheck -S warning "${scripts[@]}"
echo "shellcheck: ${#scripts[@]} scripts clean"
