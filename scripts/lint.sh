#!/usr/bin/env bash
# The gates of the source text.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/lint.sh [GATE]...

Runs the gates format, structure, prose, spelling, warnings, tidy and shell, or those that are named. CONTRIBUTING.md says
what each checks. Needs the packages of `scripts/install-deps.sh build test lint`. Exit 1 if one finds something.
USAGE
}

case ${1:-} in --help | -h) usage; exit 0 ;; esac
cd "$(dirname "$(readlink -f "$0")")/.."

gates=(format structure prose spelling warnings tidy shell)
for gate; do
    [[ " ${gates[*]} " = *" $gate "* ]] || { echo "lint.sh: unknown gate '$gate' (try --help)" >&2; exit 2; }
done
[ $# -eq 0 ] || gates=("$@")
mkdir -p build

gate_format() { scripts/format.sh --check; }

gate_structure() { scripts/check_structure.py && scripts/check_static_names.py libheaderroute/src libgrabcut/src/{base,codec,engine} words cli services; }

gate_prose() { scripts/check_prose.py; }

gate_spelling() {
    git ls-files -z | grep -zvE '\.(png|jpg|jpeg|webp|bmp|gz|svg|mod|sum|jsonl)$|/vectors/|corpus/|^photos/|codespell-words' |
        xargs -0 codespell -I scripts/codespell-words.txt
    echo "codespell: no finding"
}

gate_warnings() {
    cmake --preset dev -DHR_WERROR=ON >/dev/null
    cmake --build --preset dev -j"$(nproc)" >build/lint-build.log 2>&1 || { tail -n 40 build/lint-build.log; return 1; }
    echo "build: no warning"
}

# Needs build/release/compile_commands.json.
gate_tidy() {
    local sources
    [ -f build/release/compile_commands.json ] || cmake --preset dev >/dev/null
    mapfile -t sources < <(git ls-files 'libheaderroute/*.c' 'libgrabcut/*.c' 'services/*.c' 'words/*.c' 'cli/*.c')
    printf '%s\0' "${sources[@]}" | xargs -0 -P "$(nproc)" -n 6 clang-tidy --quiet -p build/release 2>build/lint-tidy.log || {
        tail -n 20 build/lint-tidy.log
        return 1
    }
    echo "clang-tidy: ${#sources[@]} files clean"
}

gate_shell() {
    local scripts
    mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
    shellcheck -S warning "${scripts[@]}"
    echo "shellcheck: ${#scripts[@]} scripts clean"
}

failed=()
for gate in "${gates[@]}"; do
    # A subshell of its own, so that errexit holds inside the gate.
    set +e
    (set -e; "gate_$gate")
    [ $? -eq 0 ] || failed+=("$gate")
    set -e
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "lint.sh: failed: ${failed[*]}" >&2
    exit 1
fi
