#!/usr/bin/env bash
# Runs libgrabcut's tests of the AVX-512 level in an emulator, for machines without AVX-512.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/test-avx512.sh [MODEL]

  MODEL  of Bochs' processors: corei7_icelake_u (default: AVX-512 is what the library chooses by itself) or
         corei7_skylake_x (it has to be forced)

Boots Debian's kernel in Bochs with the tests of build/release (cmake --preset dev && cmake --build --preset dev). Takes some ten
minutes; not part of CI. Needs the Debian packages bochs bochs-term bochsbios vgabios cpio, and downloads a kernel
with apt-get into build/avx512; nothing of it is installed.
USAGE
}

case ${1:-} in
--help | -h) usage; exit 0 ;;
esac
model=${1:-corei7_icelake_u}
case $model in corei7_icelake_u | corei7_skylake_x) ;; *) usage >&2; exit 2 ;; esac
root=$(dirname "$(dirname "$(readlink -f "$0")")")
work=$root/build/avx512/$model bin=$root/build/release/bin
for tool in bochs script cpio gcc ld; do
    command -v "$tool" >/dev/null || { echo "test-avx512.sh: '$tool' is missing (see --help)" >&2; exit 2; }
done
rm -rf "$work"
mkdir -p "$work"/files/{bin,proc,dev,tmp,"$root"/photos}
cd "$work"

kernel=$(find .. -path '*/boot/vmlinuz-*' -print -quit)
if [ -z "$kernel" ]; then
    package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ {print $2; exit}')
    (cd .. && apt-get download "$package" && dpkg -x "$package"_*.deb kernel)
    kernel=$(find .. -path '*/boot/vmlinuz-*' -print -quit)
fi

tests=(test-grabcut-kernels test-grabcut-maxflow test-grabcut-fast_engine)
for test in "${tests[@]}"; do
    cp "$bin/$test" files/bin/
    for library in $(ldd "$bin/$test" | grep -o '/[^ ]*'); do
        mkdir -p "files$(dirname "$library")"
        cp -Lu "$library" "files$library"
    done
done
cp "$root/photos/portrait.jpg" "files$root/photos/"
cat >files/tests <<'TESTS'
/bin/test-grabcut-kernels -j1 --verbose
/bin/test-grabcut-fast_engine -j1 --verbose --filter */a_level_that*
/bin/test-grabcut-fast_engine -j1 --verbose --filter */every_level*
/bin/test-grabcut-maxflow -j1 --verbose --filter */avx512*
/bin/test-grabcut-fast_engine -j1 --verbose --filter */the_mask_does*
TESTS
gcc -O2 -static -o files/init "$root/scripts/avx512/init.c"
(cd files && find . | cpio -o -H newc --quiet) >initrd.img
gcc -m32 -c "$root/scripts/avx512/boot.S" -o boot.o
ld -m elf_i386 -Ttext 0x7c00 --oformat binary boot.o -o boot.bin
python3 "$root/scripts/avx512/disk.py" "$kernel" initrd.img boot.bin "$model" "$work"

# Debian's Bochs waits in its debugger, and wants a terminal; its screen is another, which has to be read.
echo c >rc
TERM=xterm timeout -s KILL 3600 script -qfec "bochs -q -f bochsrc -rc rc" /dev/null </dev/null >bochs.out 2>&1 &
emulator=$! screen=
while [ -z "$screen" ] && kill -0 "$emulator" 2>/dev/null; do
    sleep 1
    screen=$(grep -aoPm1 'screen "\K[^"]*' bochs.out || true)
done
if [ -n "$screen" ]; then
    stty -F "$screen" raw -echo
    cat "$screen" >/dev/null 2>&1 &
fi
wait "$emulator" || true
sed 's/\x1b\[[0-9;]*m//g' serial.txt | tr -d '\r' | grep -aE '^(EMULATOR|\[|levels|auto|portable|AVX)'
grep -aq '^levels of this processor:.* AVX-512,' serial.txt # or the tests had nothing to run
grep -aq '^EMULATOR: PASSED' serial.txt
