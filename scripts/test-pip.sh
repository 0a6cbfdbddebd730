#!/usr/bin/env bash
# Installs the Python distribution with pip as a user does, with each SWIG that pip may bring.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/test-pip.sh [SWIG-VERSION]...

Runs `pip install .` with build isolation, and once more for each version of SWIG (default: 4.3.0 and the newest), in
environments of their own, and uses the two modules from another folder. Needs the Python Package Index: exit 77 if it
does not answer.
USAGE
}

case ${1:-} in --help | -h) usage; exit 0 ;; -*) echo "test-pip.sh: unknown flag '$1' (try --help)" >&2; exit 2 ;; esac
versions=("$@")
[ $# -gt 0 ] || versions=(4.3.0 newest)

root=$(dirname "$(dirname "$(readlink -f "$0")")")
python=/usr/bin/python3
[ -x "$python" ] || python=python3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A copy: pip writes beside the sources.
mkdir "$work/tree"
git -c safe.directory="$root" -C "$root" ls-files -z --cached --others --exclude-standard |
    (cd "$root" && tar --null -T - --ignore-failed-read -cf - 2>/dev/null) | tar -C "$work/tree" -xf -

cat >"$work/use.py" <<'PYTHON'
import sys
import headerroute, grabcut
tree = sys.argv[1]
table = headerroute.load(f"{tree}/k8s/base", f"{tree}/k8s/local")
d = table.route("POST", "http://proxy-server:5000/predict", headers={"target": "condition1"})
assert d.destination.subset == "proxy-pod-subset1", d
image = grabcut.decode(open(f"{tree}/photos/portrait.jpg", "rb").read())
mask = grabcut.segment(image, rect=(10, 10, 172, 236), iterations=1, seed=1)
assert mask.shape == image.shape[:2] and 0 < mask.sum() < mask.size
try:
    headerroute.load("kind: VirtualService")
except headerroute.ConfigError:
    pass
else:
    sys.exit("a wrong file was loaded")
PYTHON

environment() { # NAME: a new one; prints its folder
    "$python" -m venv "$work/$1" && echo "$work/$1"
}
quietly() { # COMMAND...: its output is shown if it fails
    "$@" >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; return 1; }
}
use() { (cd "$work" && "$1/bin/python" use.py "$work/tree"); }

first=$(environment isolated)
if ! "$first/bin/pip" download -q --no-deps -d "$work/probe" wheel >"$work/log" 2>&1; then
    echo "test-pip.sh: skipped, the Python Package Index does not answer: $(tail -n 1 "$work/log")"
    exit 77
fi
quietly "$first/bin/pip" install "$work/tree" && use "$first"
echo "pip install . with build isolation: ok"

for version in "${versions[@]}"; do
    env=$(environment "swig-$version")
    wanted=swig
    [ "$version" = newest ] || wanted="swig==$version"
    quietly "$env/bin/pip" install "$wanted" setuptools wheel numpy
    CMAKE_ARGS="-DHR_SWIG=$env/bin/swig" quietly "$env/bin/pip" install --no-build-isolation "$work/tree"
    use "$env"
    echo "pip install . with $("$env/bin/swig" -version | sed -n 's/^SWIG Version/SWIG/p'): ok"
done
