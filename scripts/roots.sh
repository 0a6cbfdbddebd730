# Minimal root file systems of Debian and Ubuntu, made by mmdebstrap, for the scripts that try the project on a bare system.
# To be sourced; needs root.
# shellcheck shell=bash

roots=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")/build/roots
mkdir -p "$roots"

# The key of Ubuntu's archive, from Debian 13's package; prints the file's name.
ubuntu_key() {
    local key=$roots/ubuntu-archive-keyring.gpg work
    if [ ! -s "$key" ]; then
        root_archive trixie || return
        work=$(mktemp -d)
        root_unpack trixie "$work" &&
            in_root "$work" sh -c 'cd /tmp && apt-get -q update && apt-get -q download ubuntu-keyring' >"$roots/keyring.log" 2>&1 &&
            dpkg-deb --fsys-tarfile "$work"/tmp/ubuntu-keyring_*.deb | tar -xO ./usr/share/keyrings/ubuntu-archive-keyring.gpg >"$key"
        rm -rf "$work"
    fi
    [ -s "$key" ] && echo "$key"
}

# root_archive SUITE: makes build/roots/SUITE.tar unless it exists. Fails if the archive of the suite cannot be reached.
root_archive() {
    local archive=$roots/$1.tar key
    local flags=(--variant=minbase --mode=root)
    [ ! -s "$archive" ] || return 0
    case $1 in
    noble)
        key=$(ubuntu_key) || return
        flags+=("--keyring=$key" "--components=main,universe")
        ;;
    esac
    mmdebstrap "${flags[@]}" "$1" "$archive.new" </dev/null >"$roots/$1.log" 2>&1 || { rm -f "$archive.new"; return 1; }
    mv "$archive.new" "$archive"
}

# root_forget SUITE: lets root_archive make it anew.
root_forget() { rm -f "$roots/$1.tar"; }

# root_unpack SUITE FOLDER
root_unpack() {
    mkdir -p "$2" && tar -C "$2" -xf "$roots/$1.tar" --exclude='./dev/*' && cp /etc/resolv.conf "$2/etc/"
}

# in_root FOLDER COMMAND...: runs it in the root with namespaces of its own for mounts and processes, so that nothing is left.
in_root() { enter_root '' "$@"; }

# in_root_without_network FOLDER COMMAND...: the same with a loopback interface only.
in_root_without_network() { enter_root --net "$@"; }

enter_root() { # FLAG-OF-UNSHARE FOLDER COMMAND...
    # shellcheck disable=SC2016,SC2086 # expanded by the inner shell; an empty flag is none
    unshare --mount --pid --fork --kill-child $1 bash -c '
        set -e
        [ -z "$1" ] || ip link set lo up
        root=$2
        shift 2
        mount --make-rprivate /
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount --rbind /sys "$root/sys"
        exec chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
    ' enter_root "$@"
}

# copy_tree FOLDER: the files that a fresh clone has, with changes that are not committed yet.
copy_tree() {
    local tree=${roots%/build/roots}
    mkdir -p "$1"
    git -c safe.directory="$tree" -C "$tree" ls-files -z --cached --others --exclude-standard |
        (cd "$tree" && tar --null -T - --ignore-failed-read -cf - 2>/dev/null) | tar -C "$1" -xf -
}
