"""A Dockerfile's stages and what they copy from the build context.

Of the format (https://docs.docker.com/reference/dockerfile/) what ours uses: ARG, FROM … AS, COPY [--from=…] and
instructions that copy nothing. ADD, heredocs and COPY with wildcards are refused by name: they would be misread.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_IGNORED = frozenset({"RUN", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "USER", "WORKDIR", "SHELL"})


class DockerfileError(ValueError):
    """A Dockerfile that is not read; the message has the line."""


@dataclass(frozen=True)
class Copy:
    """One COPY: paths of the context, or of another stage, and where they go."""

    sources: tuple[str, ...]
    target: str
    stage: str | None


@dataclass(frozen=True)
class Stage:
    """One FROM with its copies; `base` is another stage or an image."""

    name: str
    base: str
    copies: tuple[Copy, ...] = ()
    instructions: tuple[tuple[str, str], ...] = ()


@dataclass
class _Reading:
    variables: dict[str, str]
    stages: list[Stage] = field(default_factory=list)

    def take(self, word: str, rest: str) -> None:
        if word == "ARG":
            name, _, default = rest.partition("=")
            if default:
                self.variables.setdefault(name, self._filled(default))
        elif word == "FROM":
            base, _, name = re.sub(r"^--platform=\S+\s+", "", rest).partition(" AS ")
            self.stages.append(Stage(self._filled(name) or str(len(self.stages)), self._filled(base)))
        elif word == "COPY":
            self._extend(copies=(self._copy(rest),))
        elif word not in _IGNORED:
            raise DockerfileError(f"the instruction {word} is not read here")
        if word not in {"ARG", "FROM"} and self.stages:
            self._extend(instructions=((word, self._filled(rest)),))

    def _copy(self, rest: str) -> Copy:
        flags = dict(re.findall(r"--(\w+)=(\S+)", rest))
        words = [self._filled(word) for word in re.sub(r"--\w+=\S+\s*", "", rest).split()]
        if any(character in rest for character in "*?["):
            raise DockerfileError(f"COPY {rest}: wildcards are not read here")
        return Copy(tuple(words[:-1]), words[-1], self._filled(flags["from"]) if "from" in flags else None)

    def _extend(self, copies: tuple[Copy, ...] = (), instructions: tuple[tuple[str, str], ...] = ()) -> None:
        last = self.stages[-1]
        self.stages[-1] = Stage(last.name, last.base, last.copies + copies, last.instructions + instructions)

    def _filled(self, text: str) -> str:
        return _VARIABLE.sub(lambda match: self.variables.get(match.group(1), match.group(0)), text.strip())


def read_dockerfile(path: Path, arguments: Mapping[str, str]) -> dict[str, Stage]:
    """The stages by name, in order, with build arguments filled in. Raises DockerfileError."""
    reading = _Reading(dict(arguments))
    for number, line in _lines(path.read_text(encoding="utf-8")):
        word, _, rest = line.partition(" ")
        try:
            reading.take(word.upper(), rest.strip())
        except DockerfileError as error:
            raise DockerfileError(f"{path.name}:{number}: {error}") from None
    return {stage.name: stage for stage in reading.stages}


def context_copies(stages: Mapping[str, Stage], name: str) -> Iterator[tuple[str, str]]:
    """Every (path of the context, target) that ends in a stage: its own, its bases' and those of stages it copies."""
    stage = stages.get(name)
    if stage is None:
        return
    yield from context_copies(stages, stage.base)
    for copy in stage.copies:
        if copy.stage is None:
            yield from ((source, copy.target) for source in copy.sources)
        elif copy.sources == ("/",):
            yield from context_copies(stages, copy.stage)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first: continued ones joined, comments and empty ones left out."""
    held, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or not (held or line.strip()):
            continue
        if "<<" in line and line.split(" ", 1)[0] in {"RUN", "COPY"}:
            raise DockerfileError(f"line {number}: heredocs are not read here")
        start = start if held else number
        if line.rstrip().endswith("\\"):
            held += line.rstrip()[:-1] + " "
            continue
        yield start, (held + line).strip()
        held = ""
