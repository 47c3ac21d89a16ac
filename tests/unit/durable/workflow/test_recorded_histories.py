"""Histories that released versions recorded, replayed by this one: it asks for the same, in the same order.

A failure here means that instances which run now would break off when this version is deployed.
"""

import gzip
import json
from pathlib import Path

import pytest

from tests.replay.__main__ import FOLDER, record
from tests.replay.recorder import Recorder, outline, replay
from tests.replay.scenarios import SCENARIOS, Scenario

RECORDED = sorted(FOLDER.glob("*/*.json.gz"))


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}-{file.name.split('.')[0]}")
def test_a_recorded_history_does_not_diverge(file: Path) -> None:
    executions = json.loads(gzip.decompress(file.read_bytes()))
    assert executions
    for execution in executions:
        assert outline(replay(execution["given"])) == outline(execution["answered"])


def test_every_release_has_recorded_every_scenario_it_knew() -> None:
    assert RECORDED, "record the histories of a release: python -m tests.replay <release>"
    assert {file.name.split(".")[0] for file in RECORDED} == set(SCENARIOS)


async def test_what_is_recorded_is_not_recorded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.replay.__main__.SCENARIOS", {"data": SCENARIOS["data"]})
    assert await record("1.0.0", tmp_path) == 1
    before = (tmp_path / "1.0.0" / "data.json.gz").read_bytes()
    assert await record("1.0.0", tmp_path) == 0
    assert (tmp_path / "1.0.0" / "data.json.gz").read_bytes() == before


async def test_a_change_of_what_is_asked_for_is_found() -> None:
    text = SCENARIOS["decisions"].text
    [execution] = await Recorder(SCENARIOS["decisions"]).record()
    [changed] = await Recorder(Scenario(text.replace("- discount:", "- w: {wait: PT1S}\n  - discount:"), {})).record()
    assert outline(execution["answered"]) != outline(changed["answered"])
