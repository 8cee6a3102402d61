"""What every way to mirror an image has in common."""
from harness.measurement import Meter


class Contender:
    """A way to bring a mirror up to date. A run begins with an image that was written to and ends when the mirror has a
    snapshot of its state; the snapshot at the source and the one at the mirror are part of it, for everyone."""

    # In results, and put before the names of its mirrors.
    name = ""
    title = ""

    def __init__(self, source, mirror):
        self.source, self.mirror = source, mirror
        self.count = 0
        self.newest = {}

    def source_name(self, image):
        """The image at the source that it mirrors."""
        return image

    def mirror_name(self, image):
        """The mirror of an image."""
        return f"{self.name}-{image}"

    def mirror_spec(self, image):
        """What to compare with the source."""
        return f"{self.mirror_name(image)}@{self.newest[image]}"

    def sync(self, image):
        """Brings the mirror to the image's present state, with a full copy where there is none; a Measurement."""
        raise NotImplementedError

    def begin(self, image, is_empty):
        """Makes the mirror that increments go to; `is_empty` says that the image has no objects yet."""
        self.sync(image)

    def prune(self, image):
        """Removes all of its snapshots but the newest, so that rounds are alike and clusters stay small."""
        for cluster, name in ((self.source, self.source_name(image)), (self.mirror, self.mirror_name(image))):
            cluster.remove_snapshots(
                name, [snap for snap in cluster.user_snapshots(name)
                       if self.owns(snap) and snap != self.newest.get(image)])

    def owns(self, snapshot):
        """Whether it made a snapshot."""
        return snapshot.startswith(f"{self.name}.")

    def forget(self, image):
        """Removes the mirror, so that the next run is a full copy."""
        self.newest.pop(image, None)
        self.mirror.remove(self.mirror_name(image))

    def lose_base(self, image):
        """Makes it have no snapshot in common with the source any more. For most the mirror is of no use then."""
        self.forget(image)

    def recover(self, image):
        """Brings the mirror up to date after that."""
        return self.sync(image)

    def leave(self, image):
        """Removes the mirror and what else it has with the source."""
        self.forget(image)

    def next_snapshot(self):
        """A name that was not used yet."""
        self.count += 1
        return f"{self.name}.{self.count}"

    def meter(self, daemons=None):
        """A meter for a run."""
        return Meter((self.source, self.mirror), daemons)
