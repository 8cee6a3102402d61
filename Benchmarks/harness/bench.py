"""What all cases run on: two clusters, certificates, a folder, and the contenders."""
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

from harness.cluster import Cluster, settle
from harness.content import Content
from harness.ferry import Ferry, FerryAgents, FerryWithoutZstd
from harness.parts import AioCopy
from harness.pipes import FerryPipe, PlainPipe, SecuredPipe
from harness.process import PROJECT, Failed, at_last, run
from harness.rbd_mirror import RBDMirror

GIBIBYTE = 1 << 30
# Sizes of the clusters' devices. They are files on tmpfs, which grow towards their size whatever is removed meanwhile.
SOURCE_BYTES, MIRROR_BYTES = 4 * GIBIBYTE, 6 * GIBIBYTE
SMALL_BYTES = 3 * GIBIBYTE // 2
# What daemons and programs take besides.
PROGRAM_BYTES = 2 * GIBIBYTE


class Bench:
    """There as long as its `with` block runs; whatever ends that block, nothing of it stays."""

    def __init__(self, options, programs):
        self.rounds, self.is_small = options.rounds, options.small
        self.port, self.interval = options.port, options.paxos_interval
        self.programs = pathlib.Path(programs)
        self.content = Content()
        self.stack = contextlib.ExitStack()
        self.made = {}

    def __enter__(self):
        sizes = (SMALL_BYTES, SMALL_BYTES) if self.is_small else (SOURCE_BYTES, MIRROR_BYTES)
        expect_memory(sum(sizes) + PROGRAM_BYTES)
        with self.stack:
            self.folder = pathlib.Path(self.stack.enter_context(
                tempfile.TemporaryDirectory(dir="/dev/shm", prefix="rbd-ferry-benchmark.")))
            at_last(shutil.rmtree, self.folder, ignore_errors=True)
            self.certificates = self.folder / "certs"
            run([PROJECT / "certs/make-certs", "--out", self.certificates, "sender.site-a", "receiver.site-b"])
            self.source, self.mirror = self._clusters(*sizes)
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *details):
        return self.stack.__exit__(*details)

    def _clusters(self, source_bytes, mirror_bytes):
        clusters = [
            Cluster(self.folder / "a", self.port, source_bytes, self.interval),
            Cluster(self.folder / "b", self.port + 100, mirror_bytes, self.interval)]
        threads = concurrent.futures.ThreadPoolExecutor()
        started = [threads.submit(cluster.__enter__) for cluster in clusters]
        try:
            concurrent.futures.wait(started)
        finally:
            # Also after Ctrl-C: what is being started can be stopped when it is up.
            threads.shutdown()
            for cluster, start in zip(clusters, started):
                if start.exception() is None:
                    self.stack.push(cluster)
        return [start.result() for start in started]

    def contender(self, name):
        """A contender, which is made when it is first asked for."""
        if name not in self.made:
            self.made[name] = getattr(self, f"_make_{name.replace('-', '_')}")()
        return self.made[name]

    def contenders(self, names):
        """Some contenders; without rbd-mirror where this user can't give it its configuration."""
        if "rbd-mirror" in names and not RBDMirror.can_run():
            print("left out: rbd-mirror, which is not installed or can't be given a file in /etc/ceph", file=sys.stderr)
        return [self.contender(name) for name in names if name != "rbd-mirror" or RBDMirror.can_run()]

    def _make_ferry(self):
        return self.stack.enter_context(Ferry(
            self.source, self.mirror, self.programs / "rbd-ferry", self.certificates, self.folder, self.port + 90))

    def _make_ferry_plain(self):
        return self.stack.enter_context(FerryWithoutZstd(
            self.source, self.mirror, self.programs / "rbd-ferry", self.certificates, self.folder, self.port + 92))

    def _make_ferry_agents(self):
        return self.stack.enter_context(FerryAgents(
            self.source, self.mirror, self.programs / "rbd-ferry", self.certificates, self.folder, self.port + 94))

    def _make_pipe(self):
        return PlainPipe(self.source, self.mirror)

    def _make_secured(self):
        return SecuredPipe(self.source, self.mirror, self.certificates, self.port + 91)

    def _make_ferry_pipe(self):
        return FerryPipe(self.source, self.mirror, self.programs / "rbd-ferry")

    def _make_aio_copy(self):
        return AioCopy(self.source, self.mirror, self.programs)

    def _make_rbd_mirror(self):
        return self.stack.enter_context(RBDMirror(self.source, self.mirror, self.folder))

    def settle(self):
        """Waits until the clusters have nothing left to do."""
        if not self.is_small:
            settle((self.source, self.mirror))


def expect_memory(byte_count):
    """Fails where so much memory is not free: without it tmpfs would make the whole machine stand still."""
    lines = pathlib.Path("/proc/meminfo").read_text("ascii").splitlines()
    available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    room = os.statvfs("/dev/shm")
    if (least := min(available, room.f_bavail * room.f_frsize)) < byte_count:
        raise Failed(f"{byte_count / GIBIBYTE:.1f} GiB of memory must be free in /dev/shm; {least / GIBIBYTE:.1f} are")


def in_turn(contenders, number):
    """The contenders in the order of a round: another one is first each time."""
    first = number % len(contenders)
    return contenders[first:] + contenders[:first]


def expect_equal(what, one, other):
    """Fails unless two digests agree."""
    if one != other:
        raise Failed(f"{what} differs from its source")
