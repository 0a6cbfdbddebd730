#!/usr/bin/env bash
# Builds the images from their Dockerfiles and runs them: the servers under the pods' limits and by docker-compose.yml.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/test-images.sh [PYTEST-ARGS...]

Builds the images of gateway, predict, proxy and of the commands with podman, runs the system of the demo in them
with the limits of the Kubernetes pods (half a CPU, 300 MiB, read-only) and sends the photos through it, then once
more by docker-compose.yml with podman-compose.

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

# shellcheck source=scripts/images.sh
. scripts/images.sh

if [ -z "${HR_IMAGES_BASE:-}" ]; then
    HR_IMAGES_BASE=docker.io/library/debian:bookworm-slim
    if ! "${HR_PODMAN[@]}" image exists "$HR_IMAGES_BASE"; then
        echo "== the base image, of Debian's packages"
        mmdebstrap --quiet --variant=minbase --mode=root --include=ca-certificates bookworm "$HR_IMAGES_DIR/base.tar"
        "${HR_PODMAN[@]}" import -q "$HR_IMAGES_DIR/base.tar" "$HR_IMAGES_BASE" >/dev/null
        rm -f "$HR_IMAGES_DIR/base.tar"
    fi
fi
export HR_IMAGES_BASE

# Debian 12's podman-compose (1.0.3) does not know the fixed addresses of docker-compose.yml.
export HR_COMPOSE=$HR_IMAGES_DIR/compose/bin/podman-compose
if [ ! -x "$HR_COMPOSE" ]; then
    /usr/bin/python3 -m venv "$HR_IMAGES_DIR/compose"
    "$HR_IMAGES_DIR/compose/bin/pip" install -q 'podman-compose>=1.3' >/dev/null 2>&1 ||
        echo "test-images.sh: the Python Package Index does not answer: docker-compose.yml is not tried"
fi
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/images "$@"
