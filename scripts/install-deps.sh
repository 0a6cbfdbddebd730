#!/usr/bin/env bash
# Installs the Debian packages that the named groups need. Asks apt only when something is missing.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/install-deps.sh [--list] GROUP...

  libraries  compilers, CMake and what libheaderroute, libgrabcut, the CLI and the Python modules need
  build      libraries, and what the servers need: everything in the tree
  demo       what demo.sh needs besides building: the client's and the contact sheet's modules
  test       test runners and the modules that tests use
  bench      the original stack (FastAPI, gunicorn, uvicorn, OpenCV) and load generators
  cover      gcovr, for scripts/coverage.sh
  packages   minimal roots, and what builds and checks packages: scripts/test-wheel.sh, -debian.sh, -distributions.sh
  arm64      cross compilers and an emulator: scripts/test-arm64.sh
  lint       clang with its tidy and libFuzzer, codespell, shellcheck
  images     podman, and what makes a base image of Debian's packages

  --list  print the packages of the groups and whether they are installed, change nothing

Made for Debian 12 (bookworm) and its package archive. The names are those of Ubuntu 24.04 and Debian 13 too; where
libh2o is not packaged, the servers use libuv. Needs root or sudo if a package is missing.
USAGE
}

# Limits the time that apt waits for another package manager: long enough for an unattended upgrade.
lock_seconds=600

# "a|b" are names of one thing on different systems: the first one that is installed or known to apt is used.
packages_of() {
    case $1 in
    libraries) echo cmake ninja-build gcc g++ libc6-dev pkg-config \
        libyaml-dev libre2-dev libjansson-dev libyajl-dev libxxhash-dev \
        'libjpeg-dev|libjpeg62-turbo-dev' libpng-dev libwebp-dev zlib1g-dev libopencv-core-dev libopencv-imgproc-dev \
        swig python3 python3-dev python3-venv python3-numpy python3-setuptools python3-wheel ;;
    build) packages_of libraries && echo 'libh2o-evloop-dev|libuv1-dev' libssl-dev libc-ares-dev libnghttp2-dev \
        libnanopb-dev nanopb protobuf-compiler python3-protobuf ;;
    demo) echo python3 python3-numpy python3-pil python3-tqdm python3-yaml fonts-dejavu-core curl ;;
    test) echo abigail-tools git lcov libcriterion-dev libuv1-dev make valgrind python3-pytest python3-numpy python3-opencv python3-pil python3-requests \
        python3-tqdm python3-yaml python3-jsonschema python3-fastapi python3-httpx mypy python3-typeshed libmicrohttpd-dev python3-pip python3-setuptools python3-wheel curl doxygen groff zsh fish \
        chromium chromium-driver python3-selenium prometheus python3-cryptography openssl \
        python3-h2 python3-grpcio nghttp2-client ;;
    bench) echo python3-fastapi python3-uvicorn gunicorn python3-opencv python3-requests python3-numpy python3-pil wrk ;;
    cover) echo gcovr ;;
    packages) echo debhelper dh-python iproute2 lintian mmdebstrap ;;
    arm64) echo gcc-aarch64-linux-gnu g++-aarch64-linux-gnu qemu-user mmdebstrap python3-pytest ;;
    lint) echo git clang clang-tidy clang-format 'libclang-rt-14-dev|libclang-rt-18-dev|libclang-rt-19-dev' codespell shellcheck ;;
    images) echo podman python3-venv netavark aardvark-dns iptables buildah runc catatonit mmdebstrap ca-certificates python3-pytest python3-pil python3-numpy python3-tqdm ;;
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

# Each entry is a name, or alternatives with '|' between them.
mapfile -t wanted < <(for g in "${groups[@]}"; do packages_of "$g"; done | tr ' ' '\n' | sort -u)
mapfile -t names < <(printf '%s\n' "${wanted[@]}" | tr '|' '\n')
declare -A installed
# One query for all: dpkg-query exits with 1 if it does not know a name, which is not an error here.
while read -r name status; do
    [ "$status" = installed ] && installed[$name]=1
done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${names[@]}" 2>/dev/null || true)

is_installed() { # ENTRY: any of its alternatives
    local name
    for name in ${1//|/ }; do [ -z "${installed[$name]:-}" ] || return 0; done
    return 1
}

missing=()
for entry in "${wanted[@]}"; do
    state=installed
    is_installed "$entry" || { state=missing && missing+=("$entry"); }
    [ "$list" = 0 ] || echo "${entry//|/ or } $state"
done
[ "$list" = 0 ] || exit 0
all="all ${#wanted[@]} of '${groups[*]}' are installed"
[ ${#missing[@]} -gt 0 ] || { echo "Debian packages: $all"; exit 0; }

# Sets `packages`: for every missing entry the first name that apt knows. Sets `unknown`: entries without one.
choose_packages() {
    local entry name found
    local -A known=()
    while read -r name; do known[$name]=1; done < <(
        # shellcheck disable=SC2046 # names, one a word
        LC_ALL=C apt-cache policy $(printf '%s ' "${missing[@]}" | tr '|' ' ') |
            awk '/^[^ ]/ { name = $1; sub(/:$/, "", name) } /^  Candidate:/ && $2 != "(none)" { print name }')
    packages=() unknown=()
    for entry in "${missing[@]}"; do
        found=
        for name in ${entry//|/ }; do
            [ -n "$found" ] || [ -z "${known[$name]:-}" ] || found=$name
        done
        if [ -n "$found" ]; then packages+=("$found"); else unknown+=("$entry"); fi
    done
}

refuse() { # REASON: names what an administrator can run; of alternatives that apt does not know, the first one
    choose_packages
    echo "install-deps.sh: $1; ask an administrator to run:" \
        "apt-get update && apt-get install --no-install-recommends ${packages[*]} ${unknown[*]%%|*}" >&2
    exit 1
}
as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || refuse "this needs root or sudo"
    as_root=(sudo)
    # Asks for the password here, where the user sees what sudo prints: the output of apt goes to a file.
    sudo env true || refuse "sudo refused"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { # all that apt prints goes to the log
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -o DPkg::Lock::Timeout="$lock_seconds" \
        -o Acquire::Retries=3 "$@" >>"$log" 2>&1
}

# The first reason that apt gives for not reaching an archive.
unreachable() {
    grep -m1 -oE "(Temporary failure resolving|Could not (resolve|connect)|Unable to connect|Connection (failed|timed out)|Network is unreachable)[^\[]*" \
        "$log" | sed 's/[[:space:]]*$//'
}
give_up() { # SENTENCE: apt's own words follow unless an archive could not be reached, which explains it all
    local why
    if why=$(unreachable); then
        echo "install-deps.sh: ${#missing[@]} packages are missing and the package archive cannot be reached ($why);" \
            "connect this machine to the network and run it again" >&2
    else
        echo "install-deps.sh: $1" >&2
        grep -E '^(E|W): ' "$log" | tail -n 10 >&2
    fi
    exit 1
}

# "Need to get 240 MB of archives." and "After this operation, 815 MB of ..." (apt 3: "Download size:", "Space needed:").
announce() {
    local plan download disk minutes
    plan=$(LC_ALL=C apt-get -q --assume-no --no-install-recommends install "${packages[@]}" 2>/dev/null || true)
    download=$(sed -nE 's/^(Need to get|  Download size:) ([0-9.,]+ [kMG]?B).*/\2/p' <<<"$plan" | head -n 1)
    disk=$(sed -nE 's/^(After this operation,|  Space needed:) ([0-9.,]+ [kMG]?B).*/\2/p' <<<"$plan" | head -n 1)
    # An estimate for two cores and 10 MB/s: 715 MB on disk take two minutes.
    minutes=$(awk -v disk="${disk:-0 MB}" 'BEGIN { gsub(/,/, "", disk); mb = disk + 0; if (disk ~ /G/) mb *= 1000
                                                   if (disk ~ /[0-9] k/) mb /= 1000; print 1 + int(mb / 500) }')
    echo "Debian packages: installing ${#packages[@]} of ${#wanted[@]} and what they depend on (download ${download:-unknown}," \
        "disk ${disk:-unknown}, about $minutes minute$([ "$minutes" = 1 ] || echo s)): ${packages[*]}"
}

# A machine without a network may still have all the files in its cache, so a failed update is not an error yet.
if ! apt -o APT::Update::Error-Mode=any update; then
    echo "Debian packages: the package lists could not be renewed; trying with those at hand"
fi
choose_packages
if [ ${#unknown[@]} -gt 0 ]; then
    system=$(. /etc/os-release 2>/dev/null && echo "${PRETTY_NAME:-this system}" || echo "this system")
    give_up "apt knows no package ${unknown[*]} on $system"
fi
announce
echo "Debian packages: downloading"
apt --download-only --no-install-recommends -y install "${packages[@]}" || give_up "apt could not download: ${packages[*]}"
echo "Debian packages: unpacking and configuring"
apt --no-install-recommends -y install "${packages[@]}" || give_up "apt could not install: ${packages[*]}"
echo "Debian packages: $all"
