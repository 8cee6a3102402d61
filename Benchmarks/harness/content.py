"""What images hold: real bytes. `rbd bench` repeats one byte, which zstd makes vanish, and is no data."""
import itertools
import pathlib
import random

from harness.cluster import MEBIBYTE
from harness.process import PROJECT

PIECE_BYTES = 65536
# Text repeats only after so much, which is further than zstd looks back at the levels that are compared.
POOL_BYTES = 16 * MEBIBYTE


class Content:
    """Bytes without end: "random", "text", or "half", which alternates between the two."""

    def __init__(self, seed=1):
        self.dice = random.Random(seed)
        self.pool = self._words()
        self.place = 0
        self.turn = 0

    def _words(self):
        """Text in the words of this project's sources, as frequent as there, in an order that no file has."""
        words = " ".join(path.read_text("utf-8") for path in sorted(pathlib.Path(PROJECT, "Sources").rglob("*.swift")))
        counts = {}
        for word in words.split(" "):
            counts[word] = counts.get(word, 0) + 1
        weights = list(itertools.accumulate(counts.values()))
        pool = bytearray()
        while len(pool) < POOL_BYTES:
            pool += " ".join(self.dice.choices(list(counts), cum_weights=weights, k=50_000)).encode()
        return bytes(pool[:POOL_BYTES])

    def take(self, kind, length):
        """The next bytes of a kind."""
        self.turn += 1
        if kind == "random" or kind == "half" and self.turn % 2:
            return self.dice.randbytes(length)
        if self.place + length > len(self.pool):
            self.place = 0
        self.place += length
        return self.pool[self.place - length:self.place]


def fill(images, size, content, kind, piece=MEBIBYTE):
    """Writes all of some open images, the same to each."""
    for start in range(0, size, piece):
        write(images, content.take(kind, min(piece, size - start)), start)


def scatter(images, total, content, kind, start, size):
    """Writes 64 KiB pieces to different places of the `size` bytes from `start` on; their offsets."""
    places = [start + number * PIECE_BYTES
              for number in content.dice.sample(range(size // PIECE_BYTES), total // PIECE_BYTES)]
    for place in places:
        write(images, content.take(kind, PIECE_BYTES), place)
    return places


def write(images, data, offset):
    """Writes to each of some open images."""
    for image in images:
        image.write(data, offset)
