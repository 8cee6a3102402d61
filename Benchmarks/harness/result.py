"""What a case found out."""
import dataclasses

from harness.measurement import median


class CaseResult:
    """Runs of each contender, and other facts by name."""

    def __init__(self, name, title):
        self.name, self.title = name, title
        self.runs = {}
        self.titles = {}
        self.facts = {}
        # What the case took as a whole, with its preparations.
        self.seconds = 0.0

    def add(self, contender, measurement):
        """Notes a run."""
        self.runs.setdefault(contender.name, []).append(measurement)
        self.titles[contender.name] = contender.title

    def median(self, contender, key="seconds"):
        """The median of a value over a contender's runs; None when there is none."""
        return median(self.runs.get(contender, []), key)

    def peak(self, contender, role):
        """The largest resident set of a contender's role over all runs, in bytes; None when there is none."""
        peaks = [run.peak_bytes[role] for run in self.runs.get(contender, []) if role in run.peak_bytes]
        return max(peaks, default=None)

    def document(self):
        """For JSON."""
        return {
            "name": self.name, "title": self.title, "facts": self.facts,
            "contenders": {
                name: {"title": self.titles[name], "median_seconds": self.median(name),
                       "runs": [dataclasses.asdict(run) for run in runs]}
                for name, runs in self.runs.items()}}
