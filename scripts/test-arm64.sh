#!/usr/bin/env bash
# Builds for arm64 with a cross compiler and runs the tests of libraries, commands and Python modules with qemu-user.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/test-arm64.sh [--fresh]

Unpacks Debian 12's arm64 packages below build/arm64 (nothing is installed), builds libheaderroute, libgrabcut, the commands,
the Python modules and their tests there with Debian's cross compiler and warnings as errors, runs the tests with
qemu-user, and compares the masks of all photos with those of build/release, byte for byte.

  --fresh  unpack and configure anew; without it what an earlier run has left in build/arm64 is used

Needs the packages of `scripts/install-deps.sh libraries arm64`, build/release with the command grabcut, and a kernel whose
binfmt_misc can be mounted in a user namespace (Linux 6.7): the emulator is registered there, not for the whole machine.
Exit 77 if the archive or binfmt_misc cannot be had.
USAGE
}

fresh=0
case ${1:-} in --help | -h) usage; exit 0 ;; --fresh) fresh=1 ;; '') ;; *) echo "test-arm64.sh: unknown argument '$1' (try --help)" >&2; exit 2 ;; esac
cd "$(dirname "$(readlink -f "$0")")/.."
scripts/install-deps.sh libraries arm64
native=$PWD/build/release
[ -x "$native/bin/grabcut" ] || { echo "test-arm64.sh: build/release/bin/grabcut does not exist: build it first" >&2; exit 1; }
work=$PWD/build/arm64
[ $fresh = 0 ] || rm -rf "$work"
mkdir -p "$work"
export HR_SYSROOT=$work/sysroot

packages=(libc6-dev libstdc++-12-dev libyaml-dev libre2-dev libjansson-dev libxxhash-dev libyajl-dev zlib1g-dev
    libjpeg-dev libpng-dev libwebp-dev zlib1g-dev libcriterion-dev python3 libpython3-dev python3-numpy python3-pytest)
if [ ! -d "$HR_SYSROOT" ]; then
    mmdebstrap --variant=extract --mode=root --arch=arm64 "--include=$(IFS=,; echo "${packages[*]}")" bookworm "$HR_SYSROOT.new" \
        </dev/null >"$work/sysroot.log" 2>&1 || { echo "test-arm64.sh: skipped, Debian's archive cannot be reached (build/arm64/sysroot.log)"; exit 77; }
    # Extraction leaves out what maintainer scripts do: the alternatives of BLAS, for numpy.
    for library in blas lapack; do
        ln -s "$library/lib$library.so.3" "$HR_SYSROOT.new/usr/lib/aarch64-linux-gnu/lib$library.so.3"
    done
    rm -rf "$HR_SYSROOT.new/dev" # the emulator would take devices from there
    mv "$HR_SYSROOT.new" "$HR_SYSROOT"
fi

# The emulator runs every arm64 program that is started in this user namespace.
emulated() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --user --map-root-user --mount bash -c '
        set -e
        mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
        # ELF, 64 bits, little-endian, a program or a shared object, for machine 183 (AArch64)
        magic="\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
        mask="\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
        printf "%s" ":arm64:M::$magic:$mask:/usr/bin/qemu-aarch64:F" >/proc/sys/fs/binfmt_misc/register
        export QEMU_LD_PREFIX=$HR_SYSROOT
        exec "$@"' emulated "$@"
}
emulated true 2>"$work/log" || { echo "test-arm64.sh: skipped, binfmt_misc cannot be mounted: $(tail -n 1 "$work/log")"; exit 77; }

cmake -S . -B "$work/build" -G Ninja --toolchain cmake/arm64.cmake -DCMAKE_BUILD_TYPE=Release -DHR_WERROR=ON -DHR_BUILD_TESTS=ON \
    -DHR_BUILD_SERVICES=OFF -DHR_BUILD_OPENCV=OFF "-DPython3_EXECUTABLE=$(command -v python3)" \
    "-DPython3_INCLUDE_DIR=$HR_SYSROOT/usr/include/python3.11" >"$work/configure.log" 2>&1 || { tail -n 30 "$work/configure.log" >&2; exit 1; }
cmake --build "$work/build" -j"$(nproc)"
emulated "$work/build/bin/headerroute" --version

# The emulator is slow: every test gets ten times its time.
find "$work/build" -name CTestTestfile.cmake -exec sed -i -E 's/TIMEOUT "([0-9]+)"/TIMEOUT "\10"/' {} +
# Left out: what builds with the native compiler or is loaded by the native Python.
emulated ctest --test-dir "$work/build" -j"$(nproc)" --output-on-failure --no-tests=error -R '^test-hr-|^test-prove$|^test-grabcut-|^test-conformance$' \
    -E '^test-hr-extra-field$|^test-grabcut-pixels$' 2>&1 | tee "$work/ctest.log" | grep -vE '^ +Start '

echo "== Python modules"
emulated env "HR_BUILD_DIR=$work/build" PYTHONDONTWRITEBYTECODE=1 "$HR_SYSROOT/usr/bin/python3.11" -m pytest -q -p no:cacheprovider tests/bindings

echo "== masks, compared with those of x86-64"
rm -rf "$work/masks"
mkdir -p "$work/masks/native" "$work/masks/arm64"
for iterations in 1 5; do
    "$native/bin/grabcut" --output mask --iterations $iterations -o "$work/masks/native/$iterations" photos
    emulated "$work/build/bin/grabcut" --output mask --iterations $iterations -o "$work/masks/arm64/$iterations" photos
done
diff -r "$work/masks/native" "$work/masks/arm64"
echo "$(find "$work/masks/arm64" -type f | wc -l) masks are equal"
