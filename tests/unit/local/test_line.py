"""Progress of set-up."""

import io

import pytest

from local import line
from local.line import Step


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_each_detail_on_one_line_that_ends_with_a_tick() -> None:
    out = Terminal()
    step = Step("Packages", out)
    step.update("Collecting one")
    step.update("Collecting two")
    step.done("all")
    assert out.getvalue().count("\n") == 1
    assert "Collecting two" in out.getvalue()
    assert out.getvalue().splitlines()[-1].endswith("✔ Packages  0 s  all")


def test_without_a_terminal_details_are_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(line.time, "monotonic", lambda: now)
    out = io.StringIO()
    step = Step("Packages", out)
    for detail in ("one", "two", "three"):
        now += 6.0
        step.update(detail)
    step.failed()
    assert out.getvalue().splitlines() == ["  … Packages", "  … Packages  12 s  two", "  ✘ Packages  18 s"]
