"""All cases, in the order in which they run."""
from harness.cluster import MEBIBYTE, OBJECT_BYTES
from harness.content import PIECE_BYTES, scatter, write
from harness.copies import FullCopy, Increment
from harness.link import Link
from harness.many import ManyImages
from harness.parts import Codec, Transport, Zstd
from harness.proofs import Proof, Reconcile

PEERS = ["ferry", "pipe", "secured", "rbd-mirror"]
AGENTS = ["ferry-agents", "rbd-mirror"]
PIPES = ["ferry-pipe", "pipe"]
TEBIBYTE = MEBIBYTE * MEBIBYTE


def cases(is_small):
    """The cases; small ones do the same with less."""
    unit = 64 if is_small else 1
    size = 1024 * MEBIBYTE // unit
    written = 100 * size // 1024
    return [
        *full_copies(size),
        *increments(size, written, unit),
        ManyImages("many", f"16 images of {text(size // 16)} at once", 16, size // 16),
        FullCopy("stream-full", f"export | import: full copy of {text(size)}", size, "half", PIPES),
        Increment(
            "stream-writes", f"export | import: {text(written)} of random 64 KiB writes in {text(size)}", size, "half",
            PIPES, random_writes(written)),
        Proof("verify", f"verify of {text(size)}, half random, half text", size),
        Reconcile(
            "reconcile", f"{text(written)} of random 64 KiB writes in {text(size)}, and no common snapshot", size,
            random_writes(written), ["ferry", "pipe", "secured"]),
        *links(is_small),
        Transport("transport", "the transport alone, and libssl on blocking sockets", 4096 // unit),
        Codec("codec", "the codec alone, with extents of 4 KiB", 1_000_000 // unit),
        Zstd("zstd", "zstd alone: rate and share that is left", 4 if is_small else 32),
    ]


def full_copies(size):
    """Full copies of each kind of content."""
    return [
        FullCopy("full", f"full copy of {text(size)}, half random, half text", size, "half", [*PEERS, "aio-copy"]),
        FullCopy("full-random", f"full copy of {text(size)} of random bytes", size, "random", [*PEERS, "aio-copy"]),
        FullCopy(
            "zstd-cost", f"full copy of {text(size // 2)} of text, with zstd and without", size // 2, "text",
            ["ferry", "ferry-plain"]),
        FullCopy("full-text", f"full copy of {text(size)} of text", size, "text", [*PEERS, "aio-copy"]),
    ]


def increments(size, written, unit):
    """Increments to images with and without content."""
    def huge(name, tebibytes, contenders):
        bytes_all = tebibytes * TEBIBYTE // unit
        return Increment(
            name, f"8 MiB of random 64 KiB writes in {text(bytes_all)}", bytes_all, None, contenders, write_objects,
            is_sampled=True)
    return [
        Increment(
            "random-writes", f"{text(written)} of random 64 KiB writes in {text(size)}", size, "half", PEERS,
            random_writes(written)),
        Increment(
            "agents", f"{text(written)} of random 64 KiB writes in {text(size)}, between daemons that run", size,
            "half", AGENTS, random_writes(written)),
        huge("huge", 4, PEERS), huge("huge-1t", 1, ["ferry"]), huge("huge-16t", 16, ["ferry"]),
        Increment(
            "fresh", f"{text(2 * written)} of scattered 64 KiB writes into fresh objects", size, None, PEERS,
            random_writes(2 * written), is_renewed=True, facts=sparseness(2 * written)),
        Increment("unchanged", f"{text(size)} without a change", size, "half", PEERS),
    ]


def links(is_small):
    """Transfers over links. Their bytes are bounded by what a link takes in some 20 seconds."""
    size = (8 if is_small else 512) * MEBIBYTE
    slow = (4 if is_small else 64) * MEBIBYTE
    far = "200 Mbit/s, 50 ms each way"
    return [
        Link("link", f"{far}: {text(size)} in large extents", size, "random", ["ferry"], 50, 200),
        Link("link-64k", f"{far}: {text(size)} in extents of 64 KiB", 2 * size, "random", ["ferry"], 50, 200,
             is_scattered=True),
        Link("link-slow", f"20 Mbit/s, 10 ms each way: {text(slow)} of text", slow, "text", ["ferry", "secured"], 10,
             20),
    ]


def random_writes(total):
    """Writes of 64 KiB all over an image, half random bytes and half text."""
    return lambda bench, images, number: scatter(images, total, bench.content, "half", 0, images[0].size())


def write_objects(bench, images, number):
    """8 MiB in 128 pieces, each in another object."""
    places = [index * OBJECT_BYTES for index in bench.content.dice.sample(range(images[0].size() // OBJECT_BYTES), 128)]
    for place in places:
        write(images, bench.content.take("half", PIECE_BYTES), place)
    return places


def sparseness(written):
    """Tells how much each contender transferred of what was written, and how much its mirror occupies."""
    def facts(bench, image, result, contenders):
        found = {"MiB used by the source": bench.source.used_bytes(image) / MEBIBYTE}
        for contender in contenders:
            content = result.median(contender.name, "content_bytes")
            if content is not None:
                found[f"bytes before zstd / bytes written, {contender.title}"] = content / written
            found[f"MiB used by the mirror, {contender.title}"] = (
                bench.mirror.used_bytes(contender.mirror_name(image)) / MEBIBYTE)
        return found
    return facts


def text(byte_count):
    """A size in the largest unit that it has at least one of."""
    for unit, name in ((TEBIBYTE, "TiB"), (1024 * MEBIBYTE, "GiB"), (MEBIBYTE, "MiB")):
        if byte_count >= unit:
            return f"{byte_count / unit:.3g} {name}"
    return f"{byte_count / 1024:.3g} KiB"
