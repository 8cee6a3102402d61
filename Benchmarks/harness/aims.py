"""What rbd-ferry must reach, and whether it did."""
import operator
from dataclasses import dataclass
from typing import Callable

from harness.cluster import MEBIBYTE

AGENT_BYTES_MAX = 128 * MEBIBYTE
# From here on more work at once can't make the machine do more.
SATURATED_SHARE = 0.9


@dataclass
class Aim:
    """A figure from the results of some cases, and what it is compared with. `figure` takes those results."""
    text: str
    cases: list
    figure: Callable
    limit: float
    is_reached: Callable = operator.le
    unit: str = ""
    # Takes the same results; why the aim does not count here, or None.
    excuse: Callable = lambda *_: None

    def verdict(self, results):
        """As a document; None when the cases were not run."""
        if any(name not in results for name in self.cases):
            return None
        figure = self.figure(*(results[name] for name in self.cases))
        if figure is None:
            return None
        sign = "<=" if self.is_reached is operator.le else ">="
        excuse = self.excuse(*(results[name] for name in self.cases))
        return {"aim": self.text + (f" ({excuse})" if excuse else ""), "figure": figure,
                "limit": f"{sign} {self.limit:g}{self.unit}",
                "excused": excuse is not None, "reached": excuse is not None or self.is_reached(figure, self.limit)}


def faster(other):
    """How many times as fast as another contender; None when that one did not run."""
    return lambda case: case.median(other) / case.median("ferry") if case.median(other) else None


def share(other):
    """Our time over another contender's; None when that one did not run."""
    return lambda case: case.median("ferry") / case.median(other) if case.median(other) else None


def saturation(case):
    """Says so when several at once use the whole machine; None when something of it is idle."""
    busy = case.median("at-once", "busy_share")
    return f"saturated: {busy:.0%} of the machine's processors busy" if busy >= SATURATED_SHARE else None


AIMS = [
    Aim("8 MiB in 4 TiB: times as fast as the plain pipe", ["huge"], faster("pipe"), 30, operator.ge),
    Aim("8 MiB in 16 TiB takes as long as in 1 TiB, seconds more", ["huge-1t", "huge-16t"],
        lambda one, sixteen: sixteen.median("ferry") - one.median("ferry"), 1, unit=" s"),
    Aim("random writes: time over the plain pipe's", ["random-writes"], share("pipe"), 1),
    Aim("random writes: times as fast as the secured pipe", ["random-writes"], faster("secured"), 2, operator.ge),
    Aim("random writes: times as fast as rbd-mirror", ["random-writes"], faster("rbd-mirror"), 1.6, operator.ge),
    *(aim for name in ("full", "full-random", "full-text") for aim in (
        Aim(f"{name}: time over the plain pipe's", [name], share("pipe"), 0.9),
        Aim(f"{name}: time over the secured pipe's", [name], share("secured"), 0.6),
        Aim(f"{name}: time over rbd-mirror's", [name], share("rbd-mirror"), 0.65),
        Aim(f"{name}: time over a bare aio copy's", [name], share("aio-copy"), 1.1))),
    Aim("full copy of text: time over that without zstd", ["zstd-cost"], share("ferry-plain"), 1.05),
    Aim("fresh objects: bytes before zstd over bytes written", ["fresh"],
        lambda case: case.facts["bytes before zstd / bytes written, rbd-ferry"], 1.02),
    Aim("fresh objects: what the mirror occupies over what the source does", ["fresh"],
        lambda case: case.facts["MiB used by the mirror, rbd-ferry"] / case.facts["MiB used by the source"], 1),
    Aim("transport alone: throughput over libssl's on a blocking socket", ["transport"],
        lambda case: case.facts["ratio"], 1, operator.ge),
    Aim("slow link, text: bytes on the wire over bytes of content", ["link-slow"],
        lambda case: case.median("ferry", "wire_bytes") / case.median("ferry", "content_bytes"), 0.5),
    Aim("16 images: throughput at once over one by one", ["many"],
        lambda case: case.median("one-by-one") / case.median("at-once"), 1.5, operator.ge, excuse=saturation),
    *(Aim(f"{name}: CPU seconds of both agents over the secured pipe's", [name],
          lambda case: case.median("ferry", "cpu_seconds") / case.median("secured", "cpu_seconds"), 1)
      for name in ("full", "full-random", "full-text")),
    Aim("link, large extents: share of it used", ["link"],
        lambda case: case.facts["share of the link used by rbd-ferry"], 0.95, operator.ge),
    Aim("link, 64 KiB extents: share of it used", ["link-64k"],
        lambda case: case.facts["share of the link used by rbd-ferry"], 0.95, operator.ge),
]


def verdicts(results):
    """Every aim whose cases were run; the agents' memory over all that were."""
    by_name = {result.name: result for result in results}
    found = [verdict for aim in AIMS if (verdict := aim.verdict(by_name))]
    peaks = [peak for result in results for contender in ("ferry", "ferry-plain", "one-by-one", "at-once")
             for role in ("sender", "receiver") if (peak := result.peak(contender, role))]
    if peaks:
        found.append(Aim(
            "memory: the largest of both agents in every run, in MiB", [], lambda: max(peaks) / MEBIBYTE,
            AGENT_BYTES_MAX / MEBIBYTE, unit=" MiB").verdict({}))
    return found


def lines(found):
    """The judgement, for a person."""
    for verdict in found:
        word = "excused" if verdict["excused"] else "reached" if verdict["reached"] else "MISSED"
        yield f"{word:<8} {verdict['figure']:>8.2f} {verdict['limit']:>10}  {verdict['aim']}"
