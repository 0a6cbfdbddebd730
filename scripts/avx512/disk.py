#!/usr/bin/env python3
"""Writes a disk that boots a Linux kernel with an initial RAM file system, and Bochs' configuration for it.

usage: disk.py KERNEL INITRD BOOT_SECTOR MODEL FOLDER
"""
import struct
import sys

MIB = 1 << 20
MEMORY = 512  # MiB
SECTOR, HEADS, TRACK = 512, 16, 63
PARAMS, KERNEL, INITRD = 0x10000, 0x100000, 0xA000000  # addresses
# Bochs 2.7's later models end in page faults without end where the kernel uses all that they claim to have, and
# their compacted states do not have the size that Linux computes.
COMMAND_LINE = (b"console=ttyS0,115200 nokaslr mitigations=off lpj=100000 tsc=reliable nosmp panic=1 "
                b"cryptomgr.notests random.trust_cpu=on lsm=capability quiet rdinit=/init "
                b"nopku nosmap nosmep no5lvl nofsgsbase nopcid noinvpcid nopti noxsaves "
                b"clearcpuid=xsavec,xsaves,umip,rdpid,fsrm,erms,smap,smep,pku\0")


def boot_params(kernel: bytes, initrd_bytes: int) -> bytes:
    """The kernel's own setup header, completed (Documentation/x86/boot.rst); the command line behind it."""
    params = bytearray(8192)
    end = 0x202 + kernel[0x201]
    params[0x1F1:end] = kernel[0x1F1:end]
    params[0x210] = 0xFF  # some boot loader
    params[0x211] |= 1  # loaded high
    struct.pack_into("<II", params, 0x218, INITRD, initrd_bytes)
    struct.pack_into("<I", params, 0x228, PARAMS + 4096)
    params[4096:4096 + len(COMMAND_LINE)] = COMMAND_LINE
    usable, reserved, tables = 1, 2, MEMORY * MIB - 0x10000
    memory = [(0, 0x9FC00, usable), (MIB, tables - MIB, usable), (tables, 0x10000, reserved)]
    params[0x1E8] = len(memory)
    for i, entry in enumerate(memory):
        struct.pack_into("<QQI", params, 0x2D0 + 20 * i, *entry)
    return bytes(params)


def main() -> None:
    kernel_path, initrd_path, boot_path, model, folder = sys.argv[1:]
    with open(kernel_path, "rb") as f:
        kernel = f.read()
    with open(initrd_path, "rb") as f:
        initrd = f.read()
    with open(boot_path, "rb") as f:
        disk = bytearray(f.read())
    setup = ((kernel[0x1F1] or 4) + 1) * SECTOR
    pieces = [(boot_params(kernel, len(initrd)), PARAMS), (kernel[setup:], KERNEL), (initrd, INITRD)]
    for i, (data, address) in enumerate(pieces):
        data += bytes(-len(data) % SECTOR)
        struct.pack_into("<III", disk, 0x180 + 12 * i, len(disk) // SECTOR, len(data) // SECTOR, address)
        disk += data
    cylinder = SECTOR * HEADS * TRACK
    disk += bytes(-len(disk) % cylinder)
    with open(f"{folder}/disk.img", "wb") as f:
        f.write(disk)
    with open(f"{folder}/bochsrc", "w", encoding="ascii") as f:
        f.write(f"""megs: {MEMORY}
cpu: model={model}, count=1, ips=50000000, reset_on_triple_fault=0
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path={folder}/disk.img, mode=flat, cylinders={len(disk) // cylinder}, heads={HEADS}, spt={TRACK}
boot: disk
com1: enabled=1, mode=file, dev={folder}/serial.txt
display_library: term
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
log: {folder}/bochs.log
clock: sync=none, time0=utc
""")


if __name__ == "__main__":
    main()
