"""Makes a PNG smaller: a palette of its most frequent colours in place of three bytes a pixel."""

import collections
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def shrink(path, colours=256, apart=0):
    """Rewrites a PNG of 8 bits a channel with at most `colours` colours; its size now.

    With `apart` no two of them are nearer than that (0 to 441): so thin lines keep theirs, which few
    pixels have, against the many shades at the edges of letters.
    """
    width, height, pixels = _read(path.read_bytes())
    counts = collections.Counter(pixels)
    kept = []
    for colour, _ in counts.most_common():
        if len(kept) == colours:
            break
        if all(_distance(colour, other) >= apart**2 for other in kept):
            kept.append(colour)
    index = {colour: at for at, colour in enumerate(kept)}
    for colour in counts:
        if colour not in index:
            index[colour] = min(range(len(kept)), key=lambda at: _distance(kept[at], colour))
    lines = bytearray()
    for top in range(0, len(pixels), width):
        lines.append(0)
        lines.extend(index[pixel] for pixel in pixels[top:top + width])
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    path.write_bytes(
        SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"PLTE", b"".join(kept))
        + _chunk(b"IDAT", zlib.compress(bytes(lines), 9)) + _chunk(b"IEND", b""))
    return path.stat().st_size


def _distance(one, other):
    return sum((a - b) ** 2 for a, b in zip(one, other))


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _read(data):
    """Width, height and the pixels as three bytes each."""
    at, chunks = len(SIGNATURE), collections.defaultdict(bytes)
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        chunks[kind] += data[at + 8:at + 8 + length]
        at += length + 12
    width, height, depth, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    lines = zlib.decompress(chunks[b"IDAT"])
    if kind == 3:
        table = chunks[b"PLTE"]
        colours = [table[at:at + 3] for at in range(0, len(table), 3)]
        return width, height, [
            colours[value] for top in range(height)
            for value in lines[top * (width + 1) + 1:(top + 1) * (width + 1)]
        ]
    if depth != 8 or kind not in (2, 6):
        raise ValueError("not a PNG of 8 bits a channel")
    size = 3 if kind == 2 else 4
    pixels, before = [], bytearray(width * size)
    for top in range(height):
        begin = top * (width * size + 1)
        line = bytearray(lines[begin + 1:begin + 1 + width * size])
        _unfilter(lines[begin], line, before, size)
        pixels.extend(bytes(line[at:at + 3]) for at in range(0, len(line), size))
        before = line
    return width, height, pixels


def _unfilter(kind, line, before, size):
    for at in range(len(line)):
        left = line[at - size] if at >= size else 0
        up = before[at]
        corner = before[at - size] if at >= size else 0
        line[at] = (line[at] + _guess(kind, left, up, corner)) & 255


def _guess(kind, left, up, corner):
    if kind < 4:
        return (0, left, up, (left + up) // 2)[kind]
    base = left + up - corner
    return min((left, up, corner), key=lambda one: abs(base - one))
