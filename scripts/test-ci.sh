#!/usr/bin/env bash
# Runs what headerroute offers to other people's CI with the tools that they use.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/test-ci.sh [BUILD-DIR]

Checks the reports of --format sarif by the JSON schema of SARIF 2.1.0, runs the steps of the GitHub Action in a fresh copy of
the tree, which builds the command there, and installs and runs the hooks with the tool pre-commit as docs/testing-rules.md
shows them.

BUILD-DIR (default: build/release) has the command `headerroute`. Needs Go with its module proxy, which has a copy of the
schema, and the Python Package Index: what cannot be reached is skipped, and the exit code is 77 then.
USAGE
}

case ${1:-} in --help | -h) usage; exit 0 ;; -*) echo "test-ci.sh: unknown flag '$1' (try --help)" >&2; exit 2 ;; esac
root=$(dirname "$(dirname "$(readlink -f "$0")")")
HR_BUILD_DIR=$(readlink -f "${1:-$root/build/release}")
export HR_BUILD_DIR PYTHONDONTWRITEBYTECODE=1
[ -x "$HR_BUILD_DIR/bin/headerroute" ] || { echo "test-ci.sh: $HR_BUILD_DIR/bin/headerroute does not exist: build it first" >&2; exit 1; }
python=/usr/bin/python3
[ -x "$python" ] || python=python3
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
skipped=0
skip() { echo "test-ci.sh: skipped: $1"; skipped=1; }
tests() { (cd "$root" && "$python" -m pytest -q -p no:cacheprovider "$@"); }

# A repository with the tree in it, changes that are not committed included, as an action and as pre-commit clone it.
mkdir "$work/headerroute"
git -c safe.directory="$root" -C "$root" ls-files -z --cached --others --exclude-standard |
    (cd "$root" && tar --null -T - --ignore-failed-read -cf - 2>/dev/null) | tar -C "$work/headerroute" -xf -
commit() { # FOLDER: everything in it
    git -C "$1" init -q -b main
    git -C "$1" add -A
    git -C "$1" -c user.name=test -c user.email=test@example.com commit -q -m "A copy for tests"
}
commit "$work/headerroute"

echo "== SARIF by its schema"
module=github.com/owenrumney/go-sarif/v3@v3.3.1 # MIT; has OASIS' schema as a string
if command -v go >/dev/null && folder=$(cd "$work" && go mod download -json "$module" 2>"$work/log" |
    "$python" -c 'import json, sys; print(json.load(sys.stdin)["Dir"])' 2>/dev/null); then
    "$python" - "$folder/pkg/report/v210/sarif/schema.go" >"$work/schema.json" <<'PYTHON'
import json, pathlib, sys
print(json.dumps(json.loads(pathlib.Path(sys.argv[1]).read_text().split("`")[1])))
PYTHON
    HR_SARIF_SCHEMA=$work/schema.json tests tests/headerroute/test_formats.py
else
    skip "the Go module proxy does not answer, or there is no Go: $(tail -n 1 "$work/log" 2>/dev/null || true)"
fi

echo "== the GitHub Action in a fresh copy"
HR_ACTION_PATH=$work/headerroute tests tests/ci/test_action.py

echo "== the hooks with pre-commit"
"$python" -m venv "$work/venv"
if "$work/venv/bin/pip" install -q pre-commit >"$work/log" 2>&1; then
    export PRE_COMMIT_HOME=$work/pre-commit
    "$python" - "$root/docs/testing-rules.md" "$work" <<'PYTHON'
import pathlib, re, sys
for kind, text in re.findall(r"^```(\w+)\n(.*?)^```$", pathlib.Path(sys.argv[1]).read_text(), re.M | re.S):
    name = text.partition("\n")[0].removeprefix("# ")
    if kind == "yaml" and name.startswith(("k8s/", "routing-tests/", ".pre-commit")):
        file = pathlib.Path(sys.argv[2], "rules", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("https://github.com/OWNER/headerroute", f"{sys.argv[2]}/headerroute"))
PYTHON
    cd "$work/rules"
    commit .
    run() { "$work/venv/bin/pre-commit" run --all-files "$@" >"$work/log" 2>&1; }
    run || { cat "$work/log"; exit 1; }
    [ "$(grep -c 'Passed$' "$work/log")" = 2 ] || { cat "$work/log"; exit 1; }
    sed -i 's/timeout: 2s/timeuot: 2s/' k8s/reviews.yaml
    if run headerroute-validate || ! grep -q '^k8s/reviews.yaml:[0-9]*:[0-9]*: error: spec.http\[0\].timeuot: ' "$work/log"; then
        cat "$work/log"; exit 1
    fi
    sed -i 's/timeuot: 2s/timeout: 3s/' k8s/reviews.yaml
    if run headerroute-test || ! grep -q '^# routing-tests/reviews.yaml:[0-9]*: ' "$work/log"; then cat "$work/log"; exit 1; fi
    echo "pre-commit $("$work/venv/bin/pre-commit" --version | cut -d' ' -f2): both hooks pass, and fail at the place that is wrong"
else
    skip "the Python Package Index does not answer: $(tail -n 1 "$work/log")"
fi
[ $skipped = 0 ] || exit 77
