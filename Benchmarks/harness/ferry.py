"""rbd-ferry as two agents, with TLS and zstd: a receiver that runs, and `sync now`."""
import contextlib
import json
import pathlib
import time

from harness.contender import Contender
from harness.process import Daemon, Pipeline, wait_until


def tls(certificates, side):
    """The `tls` key of an agent's configuration."""
    own = f"{certificates}/{side}"
    return f"{{authority: {certificates}/ca.pem, certificate: {own}.pem, key: {own}.key}}"


def store(cluster):
    """The `store` key of an agent's configuration."""
    return f"{{ceph: {{conf: {cluster.conf}, user: admin, pool: rbd}}}}"


class Ferry(Contender):
    """A receiver at one port, and senders that reach it there or through a proxy."""
    name = "ferry"
    title = "rbd-ferry"
    compression = "auto"

    def __init__(self, source, mirror, program, certificates, folder, port):
        super().__init__(source, mirror)
        self.program, self.certificates, self.folder, self.port = program, certificates, pathlib.Path(folder), port
        self.sender = self._write_sender(port)
        (self.folder / f"{self.name}-receiver.yaml").write_text(f"""site: b
listen: 127.0.0.1:{port}
store: {store(mirror)}
tls: {tls(certificates, "receiver")}
clients:
  - {{identity: sender.site-a, images: ["*"], prefix: "{self.name}-"}}
control: none
status-listen: none
stop-within: 2s
""", encoding="utf-8")
        self.receiver = None

    def _write_sender(self, port):
        path = self.folder / f"{self.name}-sender-{port}.yaml"
        path.write_text(f"""site: a
store: {store(self.source)}
tls: {tls(self.certificates, "sender")}
control: {self.control()}
status-listen: none
compression: {self.compression}
peers:
  - {{name: {self.name}, address: "127.0.0.1:{port}", server-name: receiver.site-b}}
images:
  - match: "*"
""", encoding="utf-8")
        return path

    def control(self):
        """The sender's `control` key."""
        return "none"

    @contextlib.contextmanager
    def through(self, port):
        """Within the `with` block, the receiver is reached at another port."""
        direct, self.sender = self.sender, self._write_sender(port)
        try:
            yield
        finally:
            self.sender = direct

    def __enter__(self):
        log = self.folder / f"{self.name}-receiver.log"
        log.unlink(missing_ok=True)
        self.receiver = Daemon([self.program, "receiver", "--config", self.folder / f"{self.name}-receiver.yaml"], log)
        self.receiver.await_line("listening on")
        return self

    def __exit__(self, *_):
        self.receiver.stop()

    def owns(self, snapshot):
        return snapshot.startswith("ferry-")

    def sync(self, image):
        return self.sync_all([image])

    def sync_all(self, images, *options):
        """One `sync now` of several images."""
        with self.meter({"receiver": self.receiver}) as meter, open(self.folder / f"{self.name}-sync.json", "w+b") as output:
            command = [self.program, "sync", "now", "--config", self.sender, "--json", *options, *images]
            pipeline = Pipeline([command], output=output)
            pipeline.end()
            meter.add(pipeline.children, ["sender"])
            output.seek(0)
            document = json.load(output)
        steps = [step for entry in document["images"] for step in entry["snapshots"]]
        for entry in document["images"]:
            self.newest[entry["image"]] = entry["snapshots"][-1]["snapshot"]
        meter.result.wire_bytes = sum(step["sent_bytes"] for step in steps)
        meter.result.content_bytes = sum(step["content_bytes"] for step in steps)
        return meter.result

    def lose_base(self, image):
        # Our snapshots are named after the second: the next one must not get the name of one that the mirror has.
        time.sleep(1.1)
        name = self.source_name(image)
        self.source.remove_snapshots(name, [snap for snap in self.source.user_snapshots(name) if self.owns(snap)])

    def recover(self, image):
        return self.sync_all([image], "--reconcile")

    def verify(self, image):
        """One `verify` of a whole snapshot; both ends' costs."""
        with self.meter({"receiver": self.receiver}) as meter:
            pipeline = Pipeline([[self.program, "verify", "--config", self.sender, "--json", image]])
            pipeline.end()
            meter.add(pipeline.children, ["sender"])
        return meter.result


class FerryWithOwnImage(Ferry):
    """One that reads an image of its own: on one image two would take each other's snapshots away."""

    def source_name(self, image):
        return f"{image}-{self.name}"

    def mirror_name(self, image):
        return super().mirror_name(self.source_name(image))


class FerryWithoutZstd(FerryWithOwnImage):
    """The same without compression, which the other must never be slower than."""
    name = "ferry-plain"
    title = "rbd-ferry, compression: none"
    compression = "none"

    def sync(self, image):
        measurement = self.sync_all([self.source_name(image)])
        self.newest[image] = self.newest.pop(self.source_name(image))
        return measurement


class FerryAgents(FerryWithOwnImage):
    """The same with a sender that runs too, and is asked by `sync now --wait`: what continuous mirroring is."""
    name = "ferry-agents"
    title = "rbd-ferry, two agents"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.agent = self.stack = None

    def control(self):
        return str(self.folder / f"{self.name}.sock")

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            super().__enter__()
            stack.callback(self.receiver.stop)
            self.agent = Daemon(
                [self.program, "sender", "--config", self.sender], self.folder / f"{self.name}-sender.log")
            stack.callback(self.agent.stop)
            wait_until(pathlib.Path(self.control()).exists, "the sender's control socket")
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *details):
        self.stack.close()

    def sync(self, image):
        with self.meter({"receiver": self.receiver, "sender": self.agent}) as meter, \
                open(self.folder / f"{self.name}-sync.json", "w+b") as output:
            options = ["--config", self.sender, "--json", "--wait", self.source_name(image)]
            pipeline = Pipeline([[self.program, "sync", "now", *options]], output=output)
            pipeline.end()
            meter.add(pipeline.children, ["command"])
            output.seek(0)
            entry = json.load(output)["images"][0]
        self.newest[image] = entry["snapshot"]
        meter.result.wire_bytes = entry["sent_bytes"]
        return meter.result
