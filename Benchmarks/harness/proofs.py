"""Cases in which both ends are compared: a proof of a whole snapshot, and a mirror without a common one."""
import types
from dataclasses import dataclass

from harness.bench import in_turn
from harness.content import fill
from harness.copies import compare, source_images
from harness.measurement import Meter
from harness.process import Pipeline
from harness.result import CaseResult

EXPORTS = types.SimpleNamespace(name="exports", title="rbd export | sha256sum, twice")


@dataclass
class Proof:
    """`verify` of a whole snapshot, and what shows it without us: `rbd export | sha256sum` on both sides at once."""
    name: str
    title: str
    size: int

    def run(self, bench):
        """Runs all rounds on one mirror."""
        result, ferry = CaseResult(self.name, self.title), bench.contender("ferry")
        with source_images(bench, self.name, self.size, [ferry]) as images:
            fill(images.values(), self.size, bench.content, "half")
            ferry.begin(self.name, is_empty=False)
            for number in range(bench.rounds):
                for contender in in_turn([ferry, EXPORTS], number):
                    bench.settle()
                    result.add(contender, ferry.verify(self.name) if contender is ferry else self._export(bench, ferry))
            ferry.leave(self.name)
        return result

    def _export(self, bench, ferry):
        """Both digests, by the stock commands."""
        specs = [(bench.source, f"{self.name}@{ferry.newest[self.name]}"), (bench.mirror, ferry.mirror_spec(self.name))]
        commands = []
        for cluster, spec in specs:
            commands += [["rbd", "-c", cluster.conf, "--no-progress", "export", f"rbd/{spec}", "-"], ["sha256sum"]]
        with Meter((bench.source, bench.mirror)) as meter:
            pipeline = Pipeline(commands, [True, False, True, False])
            pipeline.end()
            meter.add(pipeline.children, ["sender", "sender", "receiver", "receiver"])
        return meter.result


@dataclass
class Reconcile:
    """A mirror whose common snapshot is gone, after some writes: we send what differs, the others can only copy all."""
    name: str
    title: str
    size: int
    # write(bench, images, round), as for increments.
    write: object
    contenders: list

    def run(self, bench):
        """Runs all rounds, and then compares every mirror with its source."""
        result, contenders = CaseResult(self.name, self.title), bench.contenders(self.contenders)
        with source_images(bench, self.name, self.size, contenders) as images:
            fill(images.values(), self.size, bench.content, "half")
            for contender in contenders:
                contender.begin(self.name, is_empty=False)
            for number in range(bench.rounds):
                self.write(bench, list(images.values()), number)
                for contender in in_turn(contenders, number):
                    contender.lose_base(self.name)
                    bench.settle()
                    result.add(contender, contender.recover(self.name))
            for contender in contenders:
                compare(bench, contender, self.name)
                contender.leave(self.name)
        return result
