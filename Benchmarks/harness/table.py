"""The table that a person reads."""
from harness.cluster import MEBIBYTE

HEADER = (f"{'':<28} {'seconds':>8} {'/ ours':>7} {'CPU s':>7} {'sender':>7} {'receiver':>8} {'wire MiB':>9} "
          f"{'clusters':>8} {'busy':>5}")
LEGEND = """seconds: median. / ours: that over rbd-ferry's. CPU s: user and system time of the contender's processes.
sender, receiver: largest resident set of a process there, in MiB. wire MiB: what crossed the link.
clusters: CPU seconds of both clusters' daemons. busy: share of the machine's processors that was at work."""


def number(value, digits=2, scale=1.0):
    """A number, or a dash for none."""
    return "-" if value is None else f"{value / scale:.{digits}f}"


def lines(result):
    """The lines of a case."""
    rounds = max((len(runs) for runs in result.runs.values()), default=0)
    counted = f"{rounds} rounds, " if rounds > 1 else ""
    yield f"\n{result.name}: {result.title} ({counted}{result.seconds:.0f} s in all)"
    if result.runs:
        yield HEADER
    ours = result.median(next(iter(sorted(result.runs, key=lambda name: name != "ferry")), ""))
    for name in result.runs:
        yield row(result, name, ours)
    for name, fact in result.facts.items():
        yield f"  {name}: {fact:.3f}" if isinstance(fact, float) else f"  {name}: {fact}"


def row(result, name, ours):
    """The line of a contender."""
    seconds = result.median(name)
    return (
        f"  {result.titles[name]:<26} {number(seconds):>8} {number(seconds / ours):>7} "
        f"{number(result.median(name, 'cpu_seconds')):>7} {number(result.peak(name, 'sender'), 0, MEBIBYTE):>7} "
        f"{number(result.peak(name, 'receiver'), 0, MEBIBYTE):>8} "
        f"{number(result.median(name, 'wire_bytes'), 1, MEBIBYTE):>9} "
        f"{number(result.median(name, 'cluster_cpu_seconds')):>8} "
        f"{number(result.median(name, 'busy_share'), 0, 0.01):>4}%")
