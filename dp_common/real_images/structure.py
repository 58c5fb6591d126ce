"""Does an image file look whole? A quick look at its two ends, without decoding.

Says no of files that were cut off, of empty ones and of what is no image; of these the decoder then has the last word.
Damage in the middle of a file is not seen.
"""

from typing import Literal

LAST_OF = {273: 0, 279: 0, 324: 1, 325: 1}  # tags of offsets and lengths: of strips, and of tiles


def looks_whole(head: bytes, tail: bytes, size: int) -> bool:
    """Has the file the end that its beginning promises?

    Args:
        head: its first bytes, some 10,000 at least where it has as many.
        tail: its last bytes, likewise; where it is small, all of it.
        size: bytes.
    """
    if head.startswith(b"\xff\xd8"):
        return jpeg_ends(head, tail, size)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"IEND" in tail[-4096:]
    if head.startswith((b"GIF87a", b"GIF89a")):
        return tail.rstrip(b"\0").endswith(b";")
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return int.from_bytes(head[4:8], "little") + 8 <= size
    if head.startswith(b"BM"):
        return bmp_size(head) <= size
    if head.startswith((b"II*\0", b"MM\0*")):
        return tiff_size(head) <= size
    if head[:1] == b"P" and head[1:2] in b"23456":
        return pnm_size(head) <= size
    return False


def stores_pixels(head: bytes) -> bool:
    """Is it of a format that stores pixels one by one, so that another picture may have the same size?"""
    return head.startswith((b"BM", b"II", b"MM", b"P"))


def jpeg_ends(head: bytes, tail: bytes, size: int) -> bool:
    """Does the end-of-image marker come after the start of the scan? Previews in the header have one of their own."""
    position = 2
    while position + 4 <= len(head) and head[position] == 0xFF and head[position + 1] != 0xDA:
        position += 1 if head[position + 1] == 0xFF else 2 + int.from_bytes(head[position + 2 : position + 4])
    start = max(0, position - (size - len(tail)))  # in the tail
    return tail.find(b"\xff\xd9", start) >= 0


def bmp_size(head: bytes) -> int:
    """The bytes of a BMP's pixels and what comes before, by its header; of a compressed one what it says it has."""

    def number(at: int, n: int) -> int:
        return int.from_bytes(head[at : at + n], "little", signed=n == 4)

    if number(14, 4) < 40 or number(30, 4) not in (0, 3):
        return max(26, number(2, 4))
    row = (number(18, 4) * number(28, 2) + 31) // 32 * 4
    return number(10, 4) + row * abs(number(22, 4))


def pnm_size(head: bytes) -> int:
    """The bytes of a binary PGM or PPM by its header; 0 where that cannot be told (text, comments)."""
    words = head[:256].split(maxsplit=4)
    if words[0] not in (b"P5", b"P6") or any(b"#" in word for word in words[1:4]):
        return 0
    if len(words) < 4 or not all(word.isdigit() for word in words[1:4]):
        return len(head) + 1
    width, height, highest = map(int, words[1:4])
    return width * height * (3 if words[0] == b"P6" else 1) * (2 if highest > 255 else 1)


def tiff_size(head: bytes) -> int:
    """Bytes up to where the first table of a TIFF ends, and, where ``head`` has that table, its last strip or tile."""
    order: Literal["little", "big"] = "little" if head[:1] == b"I" else "big"

    def number(at: int, n: int) -> int:
        return int.from_bytes(head[at : at + n], order)

    table = number(4, 4)
    if table + 2 > len(head):
        return table + 2
    found: dict[int, int] = {}
    for at in range(table + 2, table + 2 + 12 * number(table, 2), 12):
        tag, wide, count = number(at, 2), 4 if number(at + 2, 2) == 4 else 2, number(at + 4, 4)
        if tag in LAST_OF:
            last = at + 8 if count * wide <= 4 else number(at + 8, 4)
            last += (count - 1) * wide
            if last + wide <= len(head):
                found[LAST_OF[tag]] = found.get(LAST_OF[tag], 0) + number(last, wide)
    return max([table + 2, *found.values()])
