"""One-host Ceph clusters for the benchmark, and what is done with their images outside of measured time."""
import contextlib
import hashlib
import json
import os
import pathlib
import time

import rados
import rbd

from harness.process import PROJECT, at_last, cpu_seconds, run

MEBIBYTE = 1 << 20
OBJECT_BYTES = 4 * MEBIBYTE
# layering, exclusive-lock, object-map, fast-diff, deep-flatten: what `rbd create` gives by default.
FEATURES = 61


class Cluster:
    """A cluster that is there as long as the `with` block runs. `interval` is the monitors' pause between changes of
    their maps, in seconds: a snapshot waits for up to so long."""

    def __init__(self, folder, port, block_bytes, interval):
        self.folder, self.port, self.block_bytes, self.interval = str(folder), port, block_bytes, interval
        at_last(self.stop)

    def __enter__(self):
        environment = dict(os.environ, BLOCK_BYTES=str(self.block_bytes), PAXOS_INTERVAL=str(self.interval))
        self.conf = run(
            [PROJECT / "Tests/minicluster", "up", self.folder, str(self.port)], env=environment).strip()
        self.client = rados.Rados(conffile=self.conf, name="client.admin")
        try:
            self.client.connect()
            self.pool = self.client.open_ioctx("rbd")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.suppress(AttributeError):
            self.pool.close()
            self.client.shutdown()
        self.stop()

    def stop(self):
        """Stops its daemons and removes it."""
        run([PROJECT / "Tests/minicluster", "down", self.folder])

    def rbd(self, *arguments):
        """Runs the stock command."""
        return run(["rbd", "-c", self.conf, *arguments])

    def create(self, name, size):
        """Makes an image as `rbd create` does."""
        rbd.RBD().create(self.pool, name, size, old_format=False, features=FEATURES)

    def image(self, name, **options):
        """Opens an image."""
        return rbd.Image(self.pool, name, **options)

    def names(self):
        """All images."""
        return rbd.RBD().list(self.pool)

    def snapshot(self, name, snapshot):
        """Makes a snapshot."""
        with self.image(name) as image:
            image.create_snap(snapshot)

    def user_snapshots(self, name):
        """Names of the snapshots that are not rbd-mirror's, oldest first."""
        with self.image(name, read_only=True) as image:
            found = [(snap["id"], snap["name"]) for snap in image.list_snaps()
                     if snap["namespace"] == rbd.RBD_SNAP_NAMESPACE_TYPE_USER]
        return [name for _, name in sorted(found)]

    def remove_snapshots(self, name, snapshots):
        """Removes snapshots, protected or not."""
        with self.image(name) as image:
            for snapshot in snapshots:
                if image.is_protected_snap(snapshot):
                    image.unprotect_snap(snapshot)
                image.remove_snap(snapshot)

    def remove(self, name):
        """Removes an image with its snapshots, if it is there."""
        if name not in self.names():
            return
        self.remove_snapshots(name, self.user_snapshots(name))
        rbd.RBD().remove(self.pool, name)

    def digest(self, spec):
        """SHA-256 of what the stock `rbd export` reads."""
        script = 'rbd -c "$0" --no-progress export "$1" - | sha256sum'
        return run(["bash", "-o", "pipefail", "-c", script, self.conf, f"rbd/{spec}"]).split()[0]

    def digest_at(self, name, snapshot, places):
        """SHA-256 of the objects at some places of an image or snapshot."""
        digest = hashlib.sha256()
        with self.image(name, snapshot=snapshot, read_only=True) as image:
            for place in places:
                digest.update(image.read(place, OBJECT_BYTES))
        return digest.hexdigest()

    def used_bytes(self, name):
        """What `rbd du` says that an image occupies, its snapshots included."""
        entries = json.loads(self.rbd("du", "--format", "json", f"rbd/{name}"))["images"]
        return sum(entry["used_size"] for entry in entries)

    def daemon_cpu_seconds(self):
        """What its daemons have taken so far."""
        return sum(cpu_seconds(pid) for pid in self._daemons(("osd.0", "mon.a", "mgr.x")))

    def _daemons(self, names):
        return [int(pathlib.Path(self.folder, f"{name}.pid").read_text(encoding="ascii")) for name in names]

    def osd_cpu_seconds(self):
        """What its OSD has taken so far."""
        return sum(cpu_seconds(pid) for pid in self._daemons(("osd.0",)))


def settle(clusters, seconds_max=20):
    """Waits until the OSDs have done what earlier work left them: removed objects, trimmed snapshots, compaction."""
    deadline = time.monotonic() + seconds_max
    calm = 0
    while calm < 2 and time.monotonic() < deadline:
        before = [cluster.osd_cpu_seconds() for cluster in clusters]
        time.sleep(0.5)
        spent = [cluster.osd_cpu_seconds() - start for cluster, start in zip(clusters, before)]
        calm = calm + 1 if max(spent) <= 0.03 else 0
