"""As much of Gherkin as the conformance kit uses: features, scenarios, steps with a text block; no more."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

_KEYWORD = re.compile(r"(Given|When|Then|And|But) (.*)")
_BLOCK = '"""'


@dataclass(frozen=True)
class Step:
    """One step: its text without the keyword, and the text block below it."""

    text: str
    block: str | None = None


@dataclass(frozen=True)
class Scenario:
    """One scenario with its place in the kit."""

    feature: str
    name: str
    steps: tuple[Step, ...]


def read_features(folder: Path) -> list[Scenario]:
    """Every scenario of every feature file, in order of files and lines."""
    return [scenario for file in sorted(folder.glob("*.feature")) for scenario in _read(file)]


def _read(file: Path) -> list[Scenario]:
    found: list[tuple[str, list[Step]]] = []
    lines = iter(file.read_text(encoding="utf-8").splitlines())
    for line in lines:
        text = line.strip()
        if text.startswith("Scenario:"):
            found.append((text.removeprefix("Scenario:").strip(), []))
        elif text.startswith(_BLOCK):
            steps = found[-1][1]
            steps[-1] = Step(steps[-1].text, _block(lines))
        elif (match := _KEYWORD.match(text)) and found:
            found[-1][1].append(Step(match[2].strip()))
        elif re.match(r"(Background|Scenario Outline|Examples|Rule|\|)", text):
            raise ValueError(f"{file.name}: not understood: {text}")
    return [Scenario(file.stem, name, tuple(steps)) for name, steps in found]


def _block(lines: Iterator[str]) -> str:
    taken = []
    for line in lines:
        if line.strip() == _BLOCK:
            break
        taken.append(line)
    return dedent("\n".join(taken))
