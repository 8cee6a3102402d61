"""Cases on a link that is slow or far away, which Benchmarks/delay-proxy makes on loopback."""
import contextlib
import json
import statistics
from dataclasses import dataclass

from harness.content import PIECE_BYTES, fill, write
from harness.copies import compare, source_images
from harness.process import PROJECT, Daemon, wait_until
from harness.result import CaseResult


@dataclass
class Link:
    """Transfers over a link: of a whole image, or with `is_scattered` of every other 64 KiB of it to a mirror that was
    equal before."""
    name: str
    title: str
    size: int
    kind: str
    contenders: list
    delay_ms: float
    megabits: float
    is_scattered: bool = False
    rounds_max: int = 2

    def run(self, bench):
        """Runs the rounds, and compares mirror and source after each."""
        result, contenders = CaseResult(self.name, self.title), bench.contenders(self.contenders)
        with source_images(bench, self.name, self.size, contenders) as images:
            fill(images.values(), self.size, bench.content, self.kind)
            for contender in contenders:
                shares = []
                if self.is_scattered:
                    contender.sync(self.name)
                for _ in range(min(bench.rounds, self.rounds_max)):
                    if self.is_scattered:
                        for start in range(0, self.size, 2 * PIECE_BYTES):
                            write(images.values(), bench.content.take(self.kind, PIECE_BYTES), start)
                    bench.settle()
                    with proxy(bench, contender.port, self.delay_ms, self.megabits) as (port, passed):
                        with contender.through(port):
                            run = contender.sync(self.name)
                        run.wire_bytes = sum(each["up"]["bytes"] for each in wait_until(passed, "the proxy's counts"))
                    result.add(contender, run)
                    shares.append(run.wire_bytes / run.seconds / (self.megabits * 125_000))
                    compare(bench, contender, self.name)
                    contender.prune(self.name)
                    if not self.is_scattered:
                        contender.forget(self.name)
                result.facts[f"share of the link used by {contender.title}"] = statistics.median(shares)
                contender.leave(self.name)
        return result


@contextlib.contextmanager
def proxy(bench, port, delay_ms, megabits):
    """A link to a port: where it begins, and a function that tells what passed in each connection that has ended."""
    daemon = Daemon(
        [PROJECT / "Benchmarks/delay-proxy", "--listen", str(bench.port + 93), "--to", str(port),
         "--delay-ms", str(delay_ms), "--megabits", str(megabits)], bench.folder / "proxy.log")
    offset = len(daemon.log())
    try:
        wait_until(lambda: "listening" in daemon.log()[offset:], "the proxy listens", 10, pause=0.01)
        yield bench.port + 93, lambda: [
            json.loads(line) for line in daemon.log()[offset:].splitlines() if line.startswith("{")]
    finally:
        daemon.stop()
