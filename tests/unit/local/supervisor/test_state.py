"""The state file and the lock."""

import os
from pathlib import Path

import pytest

from local.supervisor.orphans import _same
from local.supervisor.state import (
    AlreadyRunningError,
    ProcessRecord,
    State,
    read_state,
    sole_supervisor,
    started_at,
    supervisor_pid,
    write_state,
)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    state = State(supervisor=7, ports={"edge": 8080}, processes={"a": ProcessRecord(name="a", command=("x", "y"))})
    write_state(tmp_path / "state.json", state)
    assert read_state(tmp_path / "state.json") == state


def test_a_missing_or_broken_file_is_an_empty_state(tmp_path: Path) -> None:
    assert read_state(tmp_path / "none.json") == State()
    (tmp_path / "half.json").write_text('{"ports": {"edge"')
    assert read_state(tmp_path / "half.json") == State()


def test_a_second_supervisor_is_refused_and_told_who_holds_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with sole_supervisor(lock):
        assert supervisor_pid(lock) == os.getpid()
        with pytest.raises(AlreadyRunningError), sole_supervisor(lock):
            pass
    assert supervisor_pid(lock) is None


def test_a_process_id_given_to_another_process_is_not_taken_for_an_orphan() -> None:
    started = started_at(os.getpid())
    other_command = ProcessRecord(name="a", pid=os.getpid(), started=started, command=("something", "else"))
    other_time = ProcessRecord(name="a", pid=os.getpid(), started=1.0, command=())
    assert _same(other_command) is None
    assert _same(other_time) is None
