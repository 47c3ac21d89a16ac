import json
import os
import stat
from pathlib import Path

import pytest

from funchost.http.keys import AccessKeys, load_keys

_KEYS = AccessKeys(master="m", host="h", functions={"f": "k"})


@pytest.mark.parametrize(
    ("level", "given", "allowed"),
    [
        ("anonymous", None, True),
        ("function", None, False),
        ("function", "", False),
        ("function", "wrong", False),
        ("function", "k", True),
        ("function", "h", True),
        ("function", "m", True),
        ("admin", "k", False),
        ("admin", "h", False),
        ("admin", "m", True),
    ],
)
def test_who_is_let_in(level: str, given: str | None, allowed: bool) -> None:
    assert _KEYS.allows(level, "f", given) is allowed


def test_a_function_key_opens_no_other_function() -> None:
    assert not _KEYS.allows("function", "g", "k")


def test_keys_are_made_once_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    first = load_keys(tmp_path / "state")
    path = tmp_path / "state" / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.master != first.host
    assert load_keys(tmp_path / "state") == first


def test_of_two_hosts_that_start_at_once_the_first_ones_keys_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def other_was_quicker(source: Path, target: Path) -> None:
        target.write_text(json.dumps({"master": "theirs", "host": "theirs", "functions": {}}))
        link(source, target)

    monkeypatch.setattr(os, "link", other_was_quicker)
    assert load_keys(tmp_path).master == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"master": "a", "host": "b", "functions": {"f": "c"}}))
    monkeypatch.setenv("FUNCHOST_MASTER_KEY", "from-environment")
    assert load_keys(tmp_path) == AccessKeys("from-environment", "b", {"f": "c"})
