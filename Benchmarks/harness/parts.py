"""Parts of rbd-ferry by themselves, which `benchmark-parts` (Benchmarks/Parts) runs."""
import json
import statistics
from dataclasses import dataclass

from harness.contender import Contender
from harness.process import run
from harness.result import CaseResult


def part(bench, *arguments):
    """Runs a part; what it found out."""
    return json.loads(run([bench.programs / "benchmark-parts", *map(str, arguments)]))


@dataclass
class Transport:
    """The transport without store and zstd, beside libssl on blocking sockets, in turn."""
    name: str
    title: str
    mebibytes: int

    def run(self, bench):
        """Runs all rounds."""
        result = CaseResult(self.name, self.title)
        found = {"transport": [], "transport-libssl": []}
        for number in range(bench.rounds):
            for kind in sorted(found, reverse=number % 2 == 1):
                found[kind].append(part(bench, kind, "--mebibytes", self.mebibytes))
        for kind, runs in found.items():
            rates = [each["bytes_per_second"] for each in runs]
            result.facts[f"{kind}, MB/s"] = statistics.median(rates) / 1e6
            result.facts[f"{kind}, CPU seconds per GB"] = statistics.median(
                each["cpu_seconds"] / each["bytes"] * 1e9 for each in runs)
        result.facts["ratio"] = result.facts["transport, MB/s"] / result.facts["transport-libssl, MB/s"]
        return result


@dataclass
class Codec:
    """Records to bytes and back."""
    name: str
    title: str
    records: int

    def run(self, bench):
        """Runs all rounds."""
        result = CaseResult(self.name, self.title)
        runs = [part(bench, "codec", "--extent-bytes", 4096, "--records", self.records) for _ in range(bench.rounds)]
        for key in ("encode", "decode"):
            result.facts[f"{key}, million records per second"] = statistics.median(
                run[f"{key}_records_per_second"] for run in runs) / 1e6
        return result


@dataclass
class Zstd:
    """Each level with each kind of content, once."""
    name: str
    title: str
    mebibytes: int

    def run(self, bench):
        """Runs it."""
        result = CaseResult(self.name, self.title)
        for row in part(bench, "zstd", "--mebibytes", self.mebibytes)["blocks"]:
            inflate = row.get("inflate_bytes_per_second")
            result.facts[f"{row['content']:<8} {row['block_bytes'] >> 10:>5} KiB, level {row['level']:>2}"] = (
                f"{row['compress_bytes_per_second'] / 1e6:>7.0f} MB/s to {row['sent_share']:.3f}"
                + (f", back {inflate / 1e6:>5.0f} MB/s" if inflate else ""))
        return result


class AioCopy(Contender):
    """Reads 16, writes 16, and nothing between: what librbd alone takes. It makes no snapshot, and no image."""
    name = "aio-copy"
    title = "bare aio copy"

    def __init__(self, source, mirror, programs):
        super().__init__(source, mirror)
        self.programs = programs

    def mirror_spec(self, image):
        return self.mirror_name(image)

    def sync(self, image):
        self.newest[image] = self.next_snapshot()
        self.source.snapshot(image, self.newest[image])
        with self.source.image(image, read_only=True) as opened:
            self.mirror.create(self.mirror_name(image), opened.size())
        with self.meter() as meter:
            document = part(
                self, "aio-copy", "--source-conf", self.source.conf, "--source-image",
                f"rbd/{image}@{self.newest[image]}", "--target-conf", self.mirror.conf, "--target-image",
                f"rbd/{self.mirror_name(image)}")
        meter.result.seconds = document["seconds"]
        meter.result.cpu_seconds = None
        return meter.result
