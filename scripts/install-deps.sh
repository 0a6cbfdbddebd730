#!/usr/bin/env bash
# Installs the Debian packages that the named groups need. Asks apt only when something is missing.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/install-deps.sh [--list] GROUP...

  build   compilers, CMake, the libraries underneath, SWIG: everything in the tree
  demo    what demo.sh needs besides building: the client's and the contact sheet's modules
  test    test runners and the modules that tests use
  bench   the original stack (FastAPI, gunicorn, uvicorn, OpenCV) and load generators
  cover   gcovr, for scripts/coverage.sh
  lint    clang with its tidy and libFuzzer, shellcheck
  images  podman, and what makes a base image of Debian's packages

  --list  print the packages of the groups and whether they are installed, change nothing

Debian 12 (bookworm) and its package archive only. Needs root or sudo where a package is missing.
USAGE
}

# Bounds what apt may wait for another package manager: long enough for an unattended upgrade.
lock_seconds=600

packages_of() {
    case $1 in
    build) echo cmake ninja-build gcc g++ libc6-dev pkg-config \
        libyaml-dev libre2-dev libjansson-dev libxxhash-dev \
        libjpeg62-turbo-dev libpng-dev libwebp-dev libopencv-core-dev libopencv-imgproc-dev \
        libh2o-evloop-dev libssl-dev libyajl-dev libc-ares-dev zlib1g-dev \
        swig python3 python3-dev python3-numpy python3-setuptools python3-wheel ;;
    demo) echo python3 python3-numpy python3-pil python3-tqdm fonts-dejavu-core curl ;;
    test) echo libcriterion-dev valgrind python3-pytest python3-numpy python3-opencv python3-pil python3-requests \
        python3-tqdm python3-yaml python3-jsonschema python3-pip python3-venv python3-setuptools python3-wheel curl doxygen groff zsh fish \
        chromium chromium-driver python3-selenium prometheus python3-cryptography openssl ;;
    bench) echo python3-fastapi python3-uvicorn gunicorn python3-opencv python3-requests python3-numpy python3-pil wrk ;;
    cover) echo gcovr ;;
    lint) echo clang clang-tidy clang-format libclang-rt-14-dev shellcheck ;;
    images) echo podman buildah runc catatonit mmdebstrap ca-certificates python3-pytest python3-pil python3-numpy python3-tqdm ;;
    *) return 1 ;;
    esac
}

list=0 groups=()
while [ $# -gt 0 ]; do
    case $1 in
    --list) list=1 ;;
    --help | -h) usage; exit 0 ;;
    -*) echo "install-deps.sh: unknown flag '$1' (try --help)" >&2; exit 2 ;;
    *)
        packages_of "$1" >/dev/null || { echo "install-deps.sh: unknown group '$1' (try --help)" >&2; exit 2; }
        groups+=("$1")
        ;;
    esac
    shift
done
[ ${#groups[@]} -gt 0 ] || { usage >&2; exit 2; }

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "install-deps.sh: this system has no apt; install by hand what Debian calls:" >&2
    for g in "${groups[@]}"; do packages_of "$g" >&2; done
    exit 1
fi

mapfile -t wanted < <(for g in "${groups[@]}"; do packages_of "$g"; done | tr ' ' '\n' | sort -u)
declare -A installed
# One query for all: dpkg-query exits 1 when it does not know a name, which is no error here.
while read -r name status; do
    [ "$status" = installed ] && installed[$name]=1
done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null || true)

missing=()
for p in "${wanted[@]}"; do
    [ -n "${installed[$p]:-}" ] || missing+=("$p")
done

if [ "$list" = 1 ]; then
    for p in "${wanted[@]}"; do
        if [ -n "${installed[$p]:-}" ]; then echo "$p installed"; else echo "$p missing"; fi
    done
    exit 0
fi
if [ ${#missing[@]} -eq 0 ]; then
    echo "Debian packages: all ${#wanted[@]} of '${groups[*]}' are installed"
    exit 0
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install-deps.sh: neither root nor sudo; ask an administrator for: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout="$lock_seconds" \
        -o Acquire::Retries=3 "$@"
}

echo "Debian packages: installing ${#missing[@]} of ${#wanted[@]}: ${missing[*]}"
# A machine behind a cut line may still have all the files in its cache, so a failed update is not the end.
apt update || echo "install-deps.sh: the package lists could not be renewed; trying with those at hand" >&2
if ! apt install -y --no-install-recommends "${missing[@]}"; then
    echo "install-deps.sh: apt could not install: ${missing[*]}" >&2
    exit 1
fi
echo "Debian packages: all ${#wanted[@]} of '${groups[*]}' are installed"
