"""The stock commands in a pipe: `rbd export-diff | rbd import-diff`, plain, and with zstd and TLS between."""
import contextlib

from harness.contender import Contender
from harness.process import Pipeline


class PlainPipe(Contender):
    """The pipe that most scripts are made of. Its snapshot, and for a full copy its image, are made through an open
    connection: no process is started for them, which favours it."""
    name = "pipe"
    title = "export-diff | import-diff"

    def sync(self, image):
        base, target = self.newest.get(image), self.next_snapshot()
        with self.source.image(image) as opened, self.meter() as meter:
            opened.create_snap(target)
            if base is None:
                self.make_mirror(image, opened.size())
            pipeline = Pipeline(*self.commands(image, base, target))
            pipeline.end()
            meter.add(pipeline.children, self.roles())
        self.newest[image] = target
        self.count_bytes(pipeline.children, meter.result)
        return meter.result

    def begin(self, image, is_empty):
        # It would ask for every object of an image of some TiB.
        if not is_empty:
            self.sync(image)
            return
        self.newest[image] = self.next_snapshot()
        with self.source.image(image) as opened:
            self.make_mirror(image, opened.size())
        self.source.snapshot(image, self.newest[image])
        self.mirror.snapshot(self.mirror_name(image), self.newest[image])

    def make_mirror(self, image, size):
        """Makes the image that the receiving command writes to."""
        self.mirror.create(self.mirror_name(image), size)

    def commands(self, image, base, target):
        """The commands, and after which of them a pipe leads to the next."""
        return [self.export(image, base, target), self.apply(image)], None

    def roles(self):
        """What the commands' memory is counted as."""
        return ["sender", "receiver"]

    def count_bytes(self, children, result):
        """The sending process writes little else than its stream."""
        result.content_bytes = result.wire_bytes = children[0].written_bytes

    def export(self, image, base, target):
        """The sending command."""
        since = ["--from-snap", base] if base else []
        return ["rbd", "-c", self.source.conf, "--no-progress", "export-diff", *since, f"rbd/{image}@{target}", "-"]

    def apply(self, image):
        """The receiving command."""
        return ["rbd", "-c", self.mirror.conf, "--no-progress", "import-diff", "-", f"rbd/{self.mirror_name(image)}"]


class SecuredPipe(PlainPipe):
    """The same with what a link between sites asks for: `zstd -1`, and TLS with certificates on both sides."""
    name = "secured"
    title = "pipe, zstd -1, TLS"
    # Of socat's reads and writes; its own default of 8 KiB would slow it down.
    BLOCK = "-b131072"

    def __init__(self, source, mirror, certificates, port):
        super().__init__(source, mirror)
        self.certificates, self.port, self.connect_port = certificates, port, port

    @contextlib.contextmanager
    def through(self, port):
        """Within the `with` block, the receiving side is reached at another port."""
        self.connect_port = port
        try:
            yield
        finally:
            self.connect_port = self.port

    def commands(self, image, base, target):
        # The sending side tries until the receiving side, which is started at the same time, listens.
        return [
            ["socat", "-u", self.BLOCK,
             f"OPENSSL-LISTEN:{self.port},bind=127.0.0.1,reuseaddr,{self._keys('receiver')},verify=1", "-"],
            ["zstd", "-q", "-d", "-c"],
            self.apply(image),
            self.export(image, base, target),
            ["zstd", "-q", "-1", "-c"],
            ["socat", "-u", self.BLOCK, "-",
             f"OPENSSL-CONNECT:127.0.0.1:{self.connect_port},retry=500,interval=0.01,commonname=receiver.site-b,"
             f"{self._keys('sender')},verify=1"],
        ], [True, True, False, True, True, False]

    def _keys(self, side):
        own = f"{self.certificates}/{side}"
        return f"cert={own}.pem,key={own}.key,cafile={self.certificates}/ca.pem"

    def roles(self):
        return ["receiver"] * 3 + ["sender"] * 3

    def count_bytes(self, children, result):
        result.content_bytes, result.wire_bytes = children[4].read_bytes, children[5].written_bytes


class FerryPipe(PlainPipe):
    """`rbd-ferry export | rbd-ferry import`: the same by our own commands, which make the mirror's image themselves."""
    name = "ferry-pipe"
    title = "rbd-ferry export | import"

    def __init__(self, source, mirror, program):
        super().__init__(source, mirror)
        self.program = program

    def begin(self, image, is_empty):
        self.sync(image)

    def make_mirror(self, image, size):
        pass

    def export(self, image, base, target):
        since = ["--from", base] if base else []
        return [self.program, "export", f"ceph:rbd/{image}@{target}", *since, "-q", "--ceph-user", "admin",
                "--ceph-conf", self.source.conf]

    def apply(self, image):
        return [self.program, "import", "-", f"ceph:rbd/{self.mirror_name(image)}", "-q", "--ceph-user", "admin",
                "--ceph-conf", self.mirror.conf]
