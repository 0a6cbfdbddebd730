#!/usr/bin/env bash
# Builds the three images from their Dockerfiles and runs them under the pods' limits.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/test-images.sh [PYTEST-ARGS...]

Builds the images of gateway, predict and proxy with podman, runs the system of the demo in them with the
limits of the Kubernetes pods (half a CPU, 300 MiB, read-only) and sends the photos through it.

Installs podman and what it needs from Debian's packages. The base image is made of the same packages, so that
no image registry is needed; HR_IMAGES_BASE=NAME takes an image that podman can pull instead. Everything stays
in build/images. Needs root, and the demo's addresses (port 5000 of 127.0.0.1, .11, .12; 127.0.0.21:5010,
127.0.0.22:5011).
USAGE
}

case ${1:-} in
--help | -h) usage; exit 0 ;;
esac
cd "$(dirname "$(readlink -f "$0")")/.."
[ "$(id -u)" = 0 ] || { echo "test-images.sh: needs root: limits of memory and CPU are set through control groups" >&2; exit 1; }
scripts/install-deps.sh images

export HR_IMAGES_DIR=$PWD/build/images
mkdir -p "$HR_IMAGES_DIR"
# runc and not crun, which refuses hybrid control groups; limits that a container without CAP_SYS_RESOURCE may have.
cat >"$HR_IMAGES_DIR/containers.conf" <<'CONF'
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
CONF
export CONTAINERS_CONF=$HR_IMAGES_DIR/containers.conf
engine=(podman --root "$HR_IMAGES_DIR/storage" --runroot "$HR_IMAGES_DIR/run" --storage-driver overlay)

if [ -z "${HR_IMAGES_BASE:-}" ]; then
    HR_IMAGES_BASE=docker.io/library/debian:bookworm-slim
    if ! "${engine[@]}" image exists "$HR_IMAGES_BASE"; then
        echo "== the base image, of Debian's packages"
        mmdebstrap --quiet --variant=minbase --mode=root --include=ca-certificates bookworm "$HR_IMAGES_DIR/base.tar"
        "${engine[@]}" import -q "$HR_IMAGES_DIR/base.tar" "$HR_IMAGES_BASE" >/dev/null
        rm -f "$HR_IMAGES_DIR/base.tar"
    fi
fi
export HR_IMAGES_BASE
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/images "$@"
