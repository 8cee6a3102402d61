"""The benchmark from its first case to its last line."""
import json
import os
import pathlib
import platform
import sys
import time

from harness import aims
from harness.bench import Bench
from harness.cases import cases
from harness.measurement import processor_count
from harness.plot import draw
from harness.process import PROJECT, Failed, end_on_signals, run
from harness.table import LEGEND, lines


def list_cases():
    """Prints all cases."""
    for case in cases(is_small=False):
        print(f"{case.name:<16} {case.title}")


def benchmark(options, programs):
    """Runs the cases that were asked for; the exit status."""
    selected = select(options)
    end_on_signals()
    results, status = [], 0
    try:
        with Bench(options, programs) as bench:
            for case in selected:
                start = time.monotonic()
                results.append(case.run(bench))
                results[-1].seconds = time.monotonic() - start
                print("\n".join(lines(results[-1])), flush=True)
    except Failed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt as signal:
        print(f"ended by {signal}", file=sys.stderr)
        status = 130
    print(f"\n{LEGEND}")
    # Small images say nothing about times.
    verdicts = [] if options.small else aims.verdicts(results)
    print("\n".join(["", *aims.lines(verdicts)]))
    save(options, results, verdicts)
    if options.judge and not all(verdict["reached"] for verdict in verdicts):
        status = status or 1
    return status


def select(options):
    """The cases that were asked for."""
    known = {case.name: case for case in cases(options.small)}
    names = options.only.split(",") if options.only else list(known)
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"no such case: {', '.join(unknown)}; --list tells which there are")
    return [known[name] for name in names]


def save(options, results, verdicts):
    """Writes results.json and results.svg."""
    folder = pathlib.Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": machine(), "is_small": options.small,
        "rounds": options.rounds, "paxos_interval_seconds": options.paxos_interval,
        "cases": [result.document() for result in results], "aims": verdicts}
    (folder / "results.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    draw(results, options.rounds, folder / "results.svg")
    print(f"results.json and results.svg are in {folder}")


def machine():
    """What it ran on."""
    processors = pathlib.Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    model = next((line.split(": ", 1)[1] for line in processors if line.startswith("model name")), platform.machine())
    return {
        "processors": processor_count(), "processor": model,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "kernel": platform.release(),
        "ceph": run(["ceph", "--version"]).strip(), "rbd_ferry": revision()}


def revision():
    """The commit of the project; empty where there is no repository."""
    try:
        return run(["git", "-C", PROJECT, "describe", "--always", "--dirty"]).strip()
    except (Failed, FileNotFoundError):
        return ""
