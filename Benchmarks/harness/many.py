"""Many images at once."""
import types
from dataclasses import dataclass

from harness.bench import expect_equal, in_turn
from harness.content import fill
from harness.result import CaseResult

MODES = [
    types.SimpleNamespace(name="one-by-one", title="--parallel 1", options=["--parallel", "1"]),
    types.SimpleNamespace(name="at-once", title="--parallel 8", options=["--parallel", "8"]),
]


@dataclass
class ManyImages:
    """Full copies of images: one `sync now`, several at once and one after another."""
    name: str
    title: str
    count: int
    size: int

    def run(self, bench):
        """Runs all rounds; in the last one every mirror is compared with its source."""
        result, ferry = CaseResult(self.name, self.title), bench.contender("ferry")
        names = [f"{self.name}-{number}" for number in range(self.count)]
        for name in names:
            bench.source.create(name, self.size)
            with bench.source.image(name) as image:
                fill([image], self.size, bench.content, "half")
        for number in range(bench.rounds):
            for mode in in_turn(MODES, number):
                bench.settle()
                result.add(mode, ferry.sync_all(names, *mode.options))
                for name in names:
                    if number == bench.rounds - 1:
                        expect_equal(name, bench.source.digest(name), bench.mirror.digest(ferry.mirror_spec(name)))
                    ferry.prune(name)
                    ferry.forget(name)
        for name in names:
            bench.source.remove(name)
        return result
