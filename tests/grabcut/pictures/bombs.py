#!/usr/bin/env python3
"""Small, valid files that make a decoder allocate far more than their pixels need. The formats allow every one of them.

    tests/grabcut/pictures/bombs.py FOLDER     writes the files that tests/fuzz/corpus keeps
"""
import pathlib
import struct
import sys


class Bits:
    """Bits, the least significant one first (RFC 9649, section 3.1)."""

    def __init__(self):
        self.value, self.count, self.bytes = 0, 0, bytearray()

    def put(self, value, n):
        self.value |= value << self.count
        self.count += n
        while self.count >= 8:
            self.bytes.append(self.value & 255)
            self.value >>= 8
            self.count -= 8

    def done(self):
        return bytes(self.bytes) + bytes([self.value] * (self.count > 0))


def put_one_symbol(bits, symbol=0):
    """A prefix code of one symbol, 0 or 1, which takes no bits where it is used (RFC 9649, 3.7.2.1.1)."""
    bits.put(0b001 | symbol << 3, 4)


def put_byte_code(bits, further):
    """A prefix code of 256 symbols of 8 bits each, and `further` symbols that have no code (RFC 9649, 3.7.2.1.2)."""
    bits.put(0, 1)
    bits.put(12 - 4, 4)
    for place in range(12):  # of the order 17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8: the lengths 18 and 8
        bits.put(1 if place in (1, 11) else 0, 3)
    bits.put(0, 1)
    bits.put(0, 256)  # 256 times the length 8
    if further:
        bits.put(1, 1)
        bits.put(further - 11, 7)


def put_byte(bits, byte):
    bits.put(int(f"{byte:08b}"[::-1], 2), 8)


def vp8l_of_groups(width, height, tile_bits=2, groups=None, cache_bits=0):
    """A lossless image of one colour, of which each tile has prefix codes of its own (RFC 9649, 3.7.2.2)."""
    tiles_x, tiles_y = ((side + (1 << tile_bits) - 1) >> tile_bits for side in (width, height))
    tiles = tiles_x * tiles_y
    groups = tiles if groups is None else groups
    assert tiles <= 65536 and 1 <= groups <= tiles and width > 1
    bits = Bits()
    bits.put(0x2f, 8)
    bits.put(width - 1, 14)
    bits.put(height - 1, 14)
    bits.put(0, 1 + 3)
    bits.put(0, 1)  # no transform
    bits.put(1 if cache_bits else 0, 1)
    if cache_bits:
        bits.put(cache_bits, 4)
    bits.put(1, 1)  # prefix codes a tile
    bits.put(tile_bits - 2, 3)
    bits.put(0, 1)  # the entropy image has no colour cache
    put_byte_code(bits, 24)
    put_byte_code(bits, 0)
    for _ in range(3):
        put_one_symbol(bits)
    for tile in range(tiles):
        put_byte(bits, tile % groups & 255)
        put_byte(bits, tile % groups >> 8)
    for _ in range(5 * groups):
        put_one_symbol(bits)
    return bits.done()


def chunk(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def riff(*chunks):
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_of_groups(width=1024, height=1024, **options):
    """295 KB of 1024x1024 pixels: 65,536 groups of prefix codes, for which libwebp takes 777 MiB and touches 370."""
    return riff(chunk(b"VP8L", vp8l_of_groups(width, height, **options)))


def extended(width, height, flags):
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size)


def webp_extended(width=1024, height=1024, **options):
    """The same in the extended layout."""
    return riff(extended(width, height, 0), chunk(b"VP8L", vp8l_of_groups(width, height, **options)))


def webp_animated(width=1024, height=1024, **options):
    """The same as the only frame of an animation."""
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    frame = b"\0" * 6 + size + b"\0" * 4 + chunk(b"VP8L", vp8l_of_groups(width, height, **options))
    return riff(extended(width, height, 2), chunk(b"ANIM", b"\0" * 6), chunk(b"ANMF", frame))


def webp_of_alpha_groups(lossy, width, height, **options):
    """The lossy file `lossy` of this size, with the same bomb as its compressed alpha (RFC 9649, 2.7.1.2)."""
    at = lossy.index(b"VP8 ")
    vp8 = lossy[at:at + 8 + struct.unpack("<I", lossy[at + 4:at + 8])[0]]
    alpha = vp8l_of_groups(width, height, **options)[5:]  # without signature and size; the flags of 4 bits stay
    return riff(extended(width, height, 0x10), chunk(b"ALPH", b"\x01" + alpha), vp8 + b"\0" * (len(vp8) & 1))


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg_padded(width=17, height=65500, sampling=((4, 4),) * 3, progressive=True):
    """A JPEG with a scan for each component, whose coefficients libjpeg pads to whole MCUs (ITU-T T.81, A.2.4). They are
    all 0: a block takes one bit if progressive (its DC coefficient alone is coded), else two."""
    n = len(sampling)
    table = bytes([1] + [0] * 15 + [0])  # one code, of the value 0
    frame = struct.pack(">BHHB", 8, height, width, n)
    frame += b"".join(bytes([i + 1, h << 4 | v, 0]) for i, (h, v) in enumerate(sampling))
    out = b"\xff\xd8" + segment(0xdb, b"\0" + b"\1" * 64) + segment(0xc2 if progressive else 0xc1, frame)
    out += segment(0xc4, b"\0" + table) + segment(0xc4, b"\x10" + table)
    tallest = max(v for _, v in sampling)
    widest = max(h for h, _ in sampling)
    for i, (h, v) in enumerate(sampling):
        blocks = -(-width * h // (8 * widest)) * -(-height * v // (8 * tallest))
        out += segment(0xda, bytes([1, i + 1, 0, 0, 0 if progressive else 63, 0]))
        out += b"\0" * -(-blocks * (1 if progressive else 2) // 8)
    return out + b"\xff\xd9"


CORPUS = {
    # The fuzz target takes up to 65,536 pixels.
    "groups-256x256.webp": lambda: webp_of_groups(256, 256),
    "groups-cache-256x256.webp": lambda: webp_of_groups(256, 256, cache_bits=11),
    "groups-extended-64x64.webp": lambda: webp_extended(64, 64),
    "groups-animated-128x128.webp": lambda: webp_animated(128, 128),
    "padded-1x65500.jpg": lambda: jpeg_padded(1, 65500, ((4, 4),) * 4),
    "padded-multiscan-1x65500.jpg": lambda: jpeg_padded(1, 65500, ((4, 4),) * 3, progressive=False),
    "padded-65500x1.jpg": lambda: jpeg_padded(65500, 1, ((1, 4), (4, 1), (2, 2))),
}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in CORPUS.items():
        (folder / name).write_bytes(make())


if __name__ == "__main__":
    main()


def _end_of_band_runs(blocks):
    """One refinement scan that refines nothing: runs of blocks that end at once."""
    bits = ""
    while blocks > 0:
        run = max(min(blocks, 32767), 16384)
        bits += "0" + format(run - 16384, "014b")
        blocks -= run
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")


def jpeg_of_scans(width, height, scans=95):
    """A progressive JPEG of few bytes whose decoder goes over all blocks once for each scan."""
    blocks = -(-width // 8) * -(-height // 8)
    out = b"\xff\xd8\xff\xdb" + struct.pack(">H", 67) + b"\x00" + b"\x01" * 64
    out += b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    out += b"\xff\xc4" + struct.pack(">H", 20) + b"\x00" + bytes([1] + [0] * 15) + b"\x00"
    out += b"\xff\xc4" + struct.pack(">H", 20) + b"\x10" + bytes([1] + [0] * 15) + b"\xe0"
    out += b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 0, 0, 0) + b"\x00" * (-(-blocks // 8))
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 63, 1 << 4) + _end_of_band_runs(blocks)
    return out + scan * (scans - 1) + b"\xff\xd9"
