#!/usr/bin/env bash
# Formats all C and C++ files in place, by .clang-format. With --check: prints those that are not formatted, and fails.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
case ${1:-} in
'') flags=(-i) ;;
--check) flags=(--dry-run --ferror-limit=1) ;;
--help | -h) echo "usage: scripts/format.sh [--check]"; exit 0 ;;
*) echo "usage: scripts/format.sh [--check]" >&2; exit 2 ;;
esac
mapfile -t sources < <(git ls-files '*.c' '*.h' '*.cc' '*.hh' '*.cpp' '*.inc' | while read -r name; do [ ! -f "$name" ] || echo "$name"; done)
# clang-format names the file at the beginning of each finding.
found=$(printf '%s\0' "${sources[@]}" | xargs -0 -P "$(nproc)" -n 20 clang-format "${flags[@]}" 2>&1 |
    sed -n 's/^\([^:]\{1,\}\):[0-9]*:[0-9]*: warning: code should be clang-formatted.*/\1/p' | sort -u)
if [ -n "$found" ]; then
    echo "$found"
    echo "format: $(wc -l <<<"$found") of ${#sources[@]} files are not formatted: run scripts/format.sh" >&2
    exit 1
fi
echo "format: ${#sources[@]} files"
