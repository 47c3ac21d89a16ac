"""Which program runs a script or a command, and what of the system it needs to see."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = {"python": "python", "javascript": "javascript", "js": "javascript"}
"""The languages of the specification, by the names that it uses for them."""


@dataclass(frozen=True)
class Program:
    """A command line without its arguments, the file that holds its script, and the folders that it needs to see.

    `reserves`: it reserves far more address space than it uses, so that memory is limited by what is written.
    """

    command: tuple[str, ...]
    script: str | None = None
    folders: tuple[str, ...] = ()
    reserves: bool = False
    processes: int = 16


def program_for(language: str) -> Program | None:
    """The program of a script's language; None when this machine has none."""
    match LANGUAGES.get(language.lower()):
        case "python":
            base = Path(sys.base_prefix)
            python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
            return Program((str(python), "-I", "script.py"), "script.py", (str(base),))
        case "javascript":
            return _node()
    return None


def shell(command: str) -> Program:
    """The program of a shell command; its arguments are `$1`, `$2` and so on."""
    return Program(("/bin/sh", "-c", command, "sh"))


def _node() -> Program | None:
    found = shutil.which("node")
    if found is None:
        return None
    node = Path(found).resolve()
    folders = (str(node.parent.parent),)
    return Program((str(node), "--v8-pool-size=1", "script.mjs"), "script.mjs", folders, reserves=True, processes=64)
