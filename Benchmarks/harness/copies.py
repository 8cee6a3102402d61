"""Cases in which every contender mirrors the same image in turn: full copies, and increments."""
import contextlib
from dataclasses import dataclass
from typing import Callable

from harness.bench import expect_equal, in_turn
from harness.content import fill
from harness.result import CaseResult


@dataclass
class FullCopy:
    """A full copy of an image that is filled with one kind of content."""
    name: str
    title: str
    size: int
    kind: str
    contenders: list

    def run(self, bench):
        """Runs all rounds; in the last one every mirror is compared with the source."""
        result, contenders = CaseResult(self.name, self.title), bench.contenders(self.contenders)
        with source_images(bench, self.name, self.size, contenders) as images:
            fill(images.values(), self.size, bench.content, self.kind)
            for number in range(bench.rounds):
                for contender in in_turn(contenders, number):
                    bench.settle()
                    result.add(contender, contender.sync(self.name))
                    if number == bench.rounds - 1:
                        compare(bench, contender, self.name)
                    contender.prune(self.name)
                    contender.forget(self.name)
            for contender in contenders:
                contender.leave(self.name)
                if idle := result.median(contender.name, "idle_seconds"):
                    result.facts[f"seconds before {contender.name} noticed the image"] = idle
        return result


@dataclass
class Increment:
    """Increments: what `write` does to the open images each round. `kind` is what fills the image before, None for an
    image without objects."""
    name: str
    title: str
    size: int
    kind: str | None
    contenders: list
    # write(bench, images, round) -> offsets that were written.
    write: Callable = None
    # Compare only the objects that were written to, because the image is too large to read.
    is_sampled: bool = False
    # Begin each round anew, with an image as it was at first.
    is_renewed: bool = False
    # facts(bench, image, result, contenders) -> what else is worth knowing, by name.
    facts: Callable = None

    def run(self, bench):
        """Runs all rounds."""
        result, contenders = CaseResult(self.name, self.title), bench.contenders(self.contenders)
        rounds = range(bench.rounds)
        for numbers in [[number] for number in rounds] if self.is_renewed else [rounds]:
            self._run(bench, contenders, result, numbers)
        return result

    def _run(self, bench, contenders, result, numbers):
        """Runs some rounds with one image, and then compares every mirror with it."""
        places = []
        with source_images(bench, self.name, self.size, contenders) as images:
            if self.kind:
                fill(images.values(), self.size, bench.content, self.kind)
            for contender in contenders:
                contender.begin(self.name, is_empty=self.kind is None)
            for number in numbers:
                if self.write:
                    places += self.write(bench, list(images.values()), number)
                for contender in in_turn(contenders, number):
                    bench.settle()
                    result.add(contender, contender.sync(self.name))
                for contender in contenders:
                    contender.prune(self.name)
            for contender in contenders:
                compare(bench, contender, self.name, places if self.is_sampled else None)
            if self.facts:
                result.facts.update(self.facts(bench, self.name, result, contenders))
            for contender in contenders:
                contender.leave(self.name)


@contextlib.contextmanager
def source_images(bench, name, size, contenders):
    """The images that the contenders read, open, by name. Removed only when all went well: a failure is the end of the
    clusters too."""
    names = {contender.source_name(name) for contender in contenders}
    for one in names:
        bench.source.create(one, size)
    with contextlib.ExitStack() as stack:
        yield {one: stack.enter_context(bench.source.image(one)) for one in names}
    for one in names:
        bench.source.remove(one)


def compare(bench, contender, name, places=None):
    """Fails unless a mirror equals its source: as `rbd export` reads them, or only the objects at some places."""
    source, mirror = contender.source_name(name), contender.mirror_spec(name)
    if places is None:
        source_digest, mirror_digest = bench.source.digest(source), bench.mirror.digest(mirror)
    else:
        source_digest = bench.source.digest_at(source, None, places)
        mirror_digest = bench.mirror.digest_at(*(mirror.split("@") + [None])[:2], places)
    expect_equal(mirror, source_digest, mirror_digest)
