"""`rbd-mirror` in snapshot mode."""
import json
import os
import pathlib
import shutil
import time

import rbd

from harness.contender import Contender
from harness.process import Daemon, at_last, wait_until

# It finds the configuration of its own cluster by name, in this folder only.
CONFIGURATION = pathlib.Path(f"/etc/ceph/rbd-ferry-benchmark-{os.getpid()}.conf")


class RBDMirror(Contender):
    """The daemon beside the mirror's cluster. It mirrors an image of its own with the same content, because it would
    also carry over the snapshots that the others make."""
    name = "rbd-mirror"
    title = "rbd-mirror, snapshots"

    def __init__(self, source, mirror, folder):
        super().__init__(source, mirror)
        self.folder = pathlib.Path(folder)
        self.daemon = None

    @staticmethod
    def can_run():
        """Whether it is there and can be given its configuration."""
        return shutil.which("rbd-mirror") is not None and os.access(CONFIGURATION.parent, os.W_OK)

    def __enter__(self):
        for cluster in (self.source, self.mirror):
            cluster.rbd("mirror", "pool", "enable", "rbd", "image")
        token = self.folder / "peer"
        token.write_text(
            self.source.rbd("mirror", "pool", "peer", "bootstrap", "create", "--site-name", "a", "rbd"), "ascii")
        self.mirror.rbd(
            "mirror", "pool", "peer", "bootstrap", "import", "--site-name", "b", "--direction", "rx-only", "rbd",
            str(token))
        at_last(CONFIGURATION.unlink, missing_ok=True)
        CONFIGURATION.write_text(pathlib.Path(self.mirror.conf).read_text("utf-8"), "utf-8")
        try:
            self.daemon = Daemon(
                ["rbd-mirror", "--cluster", CONFIGURATION.stem, "--id", "admin", "-f"], self.folder / "rbd-mirror.log")
            # A snapshot that is made before the source has seen its peer is meant for nobody.
            wait_until(self._is_seen, "the source's cluster sees its rbd-mirror", pause=0.2)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.daemon:
            self.daemon.stop()
        CONFIGURATION.unlink(missing_ok=True)

    def _is_seen(self):
        return json.loads(self.source.rbd("mirror", "pool", "info", "rbd", "--format", "json"))["peers"]

    def source_name(self, image):
        return f"{self.name}-{image}"

    def mirror_spec(self, image):
        # `rbd export` can't name a mirror snapshot, and the head equals it until the next one is copied.
        return self.mirror_name(image)

    def sync(self, image):
        name = self.source_name(image)
        with self.source.image(name) as opened, self.meter({"receiver": self.daemon}) as meter:
            if image in self.newest:
                snapshot = opened.mirror_image_create_snapshot()
            else:
                opened.mirror_image_enable(rbd.RBD_MIRROR_IMAGE_MODE_SNAPSHOT)
                snapshot = self._mirror_snapshots(opened)[-1]["id"]
                begin = time.monotonic()
                wait_until(lambda: name in self.mirror.names(), f"rbd-mirror makes {name}", 120, pause=0.02)
                meter.result.idle_seconds = time.monotonic() - begin
            wait_until(lambda: self._has(name, snapshot), f"rbd-mirror copies {name}", 600, pause=0.02)
        self.newest[image] = snapshot
        return meter.result

    @staticmethod
    def _mirror_snapshots(image):
        return sorted(
            (snap for snap in image.list_snaps() if snap["namespace"] == rbd.RBD_SNAP_NAMESPACE_TYPE_MIRROR),
            key=lambda snap: snap["id"])

    def _has(self, name, snapshot):
        """Whether the mirror has all of a snapshot of the source. A handle that only reads hears of no changes, so it
        is opened anew each time."""
        try:
            with self.mirror.image(name, read_only=True) as image:
                return any(
                    snap["mirror"]["primary_snap_id"] == snapshot and snap["mirror"]["complete"]
                    for snap in self._mirror_snapshots(image))
        except rbd.ImageNotFound:
            return False

    def prune(self, image):
        # It does so itself.
        pass

    def forget(self, image):
        name = self.source_name(image)
        if self.newest.pop(image, None) is None:
            return
        with self.source.image(name) as opened:
            opened.mirror_image_disable(False)
        wait_until(lambda: name not in self.mirror.names(), f"rbd-mirror removes {name}", 120)
