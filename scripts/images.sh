# podman with a storage of its own in build/images, or in HR_IMAGES_DIR, for the scripts that build images. To be sourced in the project's root.
# shellcheck shell=bash

export HR_IMAGES_DIR=${HR_IMAGES_DIR:-$PWD/build/images}
mkdir -p "$HR_IMAGES_DIR"
# runc and not crun, which refuses hybrid control groups; limits that a container without CAP_SYS_RESOURCE may have; netavark
# and not podman's older network plugins, which know no names of containers.
cat >"$HR_IMAGES_DIR/containers.conf" <<'CONF'
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[network]
network_backend = "netavark"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
CONF
export CONTAINERS_CONF=$HR_IMAGES_DIR/containers.conf
# shellcheck disable=SC2034 # used where this is sourced
HR_PODMAN=(podman --root "$HR_IMAGES_DIR/storage" --runroot "$HR_IMAGES_DIR/run" --storage-driver overlay)
