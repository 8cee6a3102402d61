"""All cases, in the order in which they run."""
from harness.cluster import MEBIBYTE
from harness.content import scatter
from harness.copies import FullCopy, Increment

PEERS = ["ferry", "pipe", "secured", "rbd-mirror"]


def cases(is_small):
    """The cases; small ones do the same with images of a few MiB."""
    unit = 64 if is_small else 1
    size = 1024 * MEBIBYTE // unit
    return [
        FullCopy("full", "full copy of 1 GiB, half random, half text", size, "half", PEERS),
        FullCopy("full-random", "full copy of 1 GiB of random bytes", size, "random", PEERS),
        FullCopy("full-text", "full copy of 1 GiB of text", size, "text", PEERS),
        Increment(
            "random-writes", "100 MiB of random 64 KiB writes in 1 GiB", size, "half", PEERS,
            lambda bench, images, number: scatter(images, 100 * MEBIBYTE // unit, bench.content, "half", 0, size)),
    ]
