"""The edge's image: what of the repository it is made of, and its module's place in it."""

import re
from collections.abc import Iterator, Mapping

from infra.image.dockerfile import Stage

COMPILED = "/libedge.so"
"""What the stage `module` makes."""


def edge_sources(stages: Mapping[str, Stage]) -> tuple[str, ...]:
    """The paths of the repository behind the edge's image: bootstrap and module, each made in a stage of its own."""
    made_in = [stages[copy.stage] for copy in stages["edge"].copies if copy.stage]
    return tuple(source for stage in made_in for copy in stage.copies for source in copy.sources)


def module_mistakes(stages: Mapping[str, Stage]) -> Iterator[str]:
    """The module must lie where the bootstrap names it, root's and writable by nobody."""
    named = re.search(r"\bEDGE_MODULE='([^']*)'", _commands(stages["bootstrap"]))
    path = named.group(1) if named else ""
    copies = [rest.split() for word, rest in stages["edge"].instructions if word == "COPY" and "--from=module" in rest]
    if copies != [["--from=module", "--chown=0:0", COMPILED, path]]:
        yield f"edge: the bootstrap names the module {path!r}, and what is copied from its stage is {copies}"
    built = _commands(stages["module"])
    if f" -o {COMPILED} " not in built or not built.endswith(f"&& chmod 0444 {COMPILED}"):
        yield f"edge: the stage `module` leaves no {COMPILED} that all can read and none can write"


def _commands(stage: Stage) -> str:
    return " ".join(rest for word, rest in stage.instructions if word == "RUN")
