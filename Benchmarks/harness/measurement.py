"""What a run took and cost."""
import os
import pathlib
import statistics
import time
from dataclasses import dataclass, field

from harness.process import TICKS_PER_SECOND, cpu_seconds, peak_bytes


@dataclass
class Measurement:
    """One run of one contender. CPU seconds are user and system time; None is what was not measured."""
    seconds: float = 0.0
    # Of these, those before it began.
    idle_seconds: float | None = None
    # Of the contender's own processes.
    cpu_seconds: float = 0.0
    # Largest resident set of each kind of process.
    peak_bytes: dict = field(default_factory=dict)
    # What crossed the link.
    wire_bytes: int | None = None
    # Data that was transferred, before compression.
    content_bytes: int | None = None
    # Of both clusters' daemons.
    cluster_cpu_seconds: float = 0.0
    # Share of the machine's processors that was not idle.
    busy_share: float = 0.0


class Meter:
    """Measures what happens within its `with` block. Daemons of the contender are measured as they go on."""

    def __init__(self, clusters, daemons=None):
        self.clusters, self.daemons = clusters, daemons or {}
        self.result = Measurement()

    def __enter__(self):
        for daemon in self.daemons.values():
            daemon.forget_peak()
        self._before = self._now()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        seconds, clusters, daemons, busy, total = (after - before for after, before in zip(self._now(), self._before))
        self.result.seconds = seconds
        self.result.cluster_cpu_seconds = clusters
        self.result.cpu_seconds += daemons
        self.result.busy_share = busy / total if total else 0.0
        for name, daemon in self.daemons.items():
            self.result.peak_bytes[name] = peak_bytes(daemon.pid)

    def _now(self):
        return (
            time.monotonic(), sum(cluster.daemon_cpu_seconds() for cluster in self.clusters),
            sum(cpu_seconds(daemon.pid) for daemon in self.daemons.values()), *machine_seconds())

    def add(self, children, names):
        """Counts processes that have ended within the block."""
        for child, name in zip(children, names):
            self.result.cpu_seconds += child.cpu_seconds
            self.result.peak_bytes[name] = max(self.result.peak_bytes.get(name, 0), child.peak_bytes)


def machine_seconds():
    """Processor seconds of the machine that were not idle, and all."""
    fields = pathlib.Path("/proc/stat").read_text("ascii").splitlines()[0].split()[1:9]
    numbers = [int(number) / TICKS_PER_SECOND for number in fields]
    return sum(numbers) - numbers[3] - numbers[4], sum(numbers)


def median(runs, key):
    """The median of a value over runs that have it; None where none has."""
    values = [value for run in runs if (value := getattr(run, key)) is not None]
    return statistics.median(values) if values else None


def processor_count():
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
