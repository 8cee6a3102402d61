"""The benchmark from its first case to its last line."""
import sys

from harness.bench import Bench
from harness.cases import cases
from harness.process import Failed, end_on_signals
from harness.table import LEGEND, lines


def list_cases():
    """Prints all cases."""
    for case in cases(is_small=False):
        print(f"{case.name:<16} {case.title}")


def benchmark(options, programs):
    """Runs the cases that were asked for; the exit status."""
    selected = select(options)
    end_on_signals()
    results = []
    try:
        with Bench(options, programs) as bench:
            for case in selected:
                result = case.run(bench)
                results.append(result)
                print("\n".join(lines(result)), flush=True)
    except Failed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as signal:
        print(f"ended by {signal}", file=sys.stderr)
        return 130
    print(f"\n{LEGEND}")
    return 0


def select(options):
    """The cases that were asked for."""
    known = {case.name: case for case in cases(options.small)}
    names = options.only.split(",") if options.only else list(known)
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"no such case: {', '.join(unknown)}; --list tells which there are")
    return [known[name] for name in names]
