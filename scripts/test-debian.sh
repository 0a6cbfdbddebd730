#!/usr/bin/env bash
# Builds the Debian packages, checks them with lintian, and installs, upgrades and removes them in a minimal root.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/test-debian.sh [--out DIR]

Builds the packages of packaging/debian for this system with dpkg-buildpackage and runs lintian, which must find neither an
error nor a warning. In a minimal root of Debian 12: installs an older version of the packages (the same ones with a lower
version), uses them, upgrades, uses them again, compiles a C program with the -dev packages, checks the systemd units with
systemd-analyze (verify, and security offline), removes everything and looks for what is left.

  --out DIR  keep the packages there

Needs root, Debian 12 and the packages of `scripts/install-deps.sh build packages`.
USAGE
}

out=''
while [ $# -gt 0 ]; do
    case $1 in
    --out) out=${2:?--out needs a folder} && shift ;;
    --help | -h) usage; exit 0 ;;
    *) echo "test-debian.sh: unknown argument '$1' (try --help)" >&2; exit 2 ;;
    esac
    shift
done
cd "$(dirname "$(readlink -f "$0")")/.."
[ "$(id -u)" = 0 ] || { echo "test-debian.sh: needs root, for chroot" >&2; exit 1; }
scripts/install-deps.sh build packages
# shellcheck source=scripts/roots.sh
. scripts/roots.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

quietly() { # COMMAND...: its output is shown if it fails
    "$@" >"$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; return 1; }
}

copy_tree "$work/build/headerroute"
mv "$work/build/headerroute/packaging/debian" "$work/build/headerroute/debian"
cd "$work/build/headerroute"
# -d: Build-Depends has an alternative that dpkg-checkbuilddeps and install-deps.sh may choose differently.
PATH=/usr/bin:$PATH quietly dpkg-buildpackage --build=binary --unsigned-source --unsigned-changes -d
cd "$work/build"
lintian --fail-on error,warning --tag-display-limit 0 ./*.changes
echo "lintian: no error, no warning"
if [ -n "$out" ]; then mkdir -p "$out" && cp ./*.deb ./*.changes ./*.buildinfo "$out"; fi

root=$work/root
root_archive bookworm || { echo "test-debian.sh: skipped, Debian's archive cannot be reached"; exit 77; }
root_unpack bookworm "$root"
mkdir -p "$root/new" "$root/old"
rm -f ./*-dbgsym_*.deb
cp ./*.deb "$root/new"
version=$(dpkg-deb -f ./libheaderroute0_*.deb Version)
for package in ./*.deb; do # the same with a lower version
    dpkg-deb --raw-extract "$package" "$work/older"
    sed -i "s/\b${version//./\\.}\b/0.0.1/" "$work/older/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$work/older" "$root/old" >/dev/null
    rm -rf "$work/older"
done
cp -r "$OLDPWD/k8s" "$OLDPWD/photos" "$OLDPWD/examples" "$root/root/"

cat >"$root/root/use.sh" <<'USE'
set -eux
cd /root
use() { # VERSION
    [ "$(dpkg-query -W -f '${Version}' headerroute)" = "$1" ]
    headerroute validate k8s/base k8s/local
    grabcut --iterations 1 -o cut.png photos/portrait.jpg
    python3 -c '
import headerroute, grabcut, importlib.metadata
table = headerroute.load("k8s/base", "k8s/local")
d = table.route("POST", "http://proxy-server:5000/predict", headers={"target": "condition1"})
assert d.destination.subset == "proxy-pod-subset1"
assert importlib.metadata.version("headerroute") == headerroute.__version__'
    python3 -m headerroute --version
    headerroute-request --help
    [ "$(headerroute-request --version)" = "headerroute-request $(python3 -c 'import headerroute; print(headerroute.__version__)')" ]
    headerroute-gateway --version
    headerroute-proxy --version
    headerroute-predict --version
}
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q -y --no-install-recommends install systemd man-db gcc libc6-dev pkg-config python3 >/dev/null
apt-get -q -y --no-install-recommends install /old/*.deb
use 0.0.1
apt-get -q -y --no-install-recommends install /new/*.deb
use "$1"
cc examples/consumer/route.c $(pkg-config --cflags --libs headerroute) -o route
[ "$(./route condition1 k8s/base k8s/local)" = proxy-pod-subset1 ]
units=$(dpkg -L headerroute-gateway headerroute-proxy headerroute-predict | grep '\.service$')
systemd-analyze verify $units
systemd-analyze security --offline=true --threshold=20 $units
apt-get -q -y purge '^headerroute.*' '^libheaderroute.*' '^libgrabcut.*' python3-headerroute
apt-get -q -y autoremove --purge
rm -rf /old /new
find / -xdev -path /proc -prune -o -path /root -prune -o -path /var -prune -o -print | grep -E 'headerroute|grabcut' && exit 1
dpkg -l | grep -E 'headerroute|grabcut' && exit 1
echo "installed, upgraded, used and removed"
USE
quietly in_root "$root" bash /root/use.sh "$version"
tail -n 1 "$work/log"
