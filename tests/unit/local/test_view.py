"""What a person sees."""

import io

from rich.console import Console

from local.supervisor.state import ProcessRecord
from local.view import StartView, status_table, url_table


def _console() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=80), out


def test_without_a_terminal_each_change_is_one_line() -> None:
    console, out = _console()
    with StartView(console) as view:
        view(ProcessRecord(name="audit", status="starting"))
        view(ProcessRecord(name="audit", status="starting", pid=7))
        view(ProcessRecord(name="audit", status="ready", pid=7))
    lines = out.getvalue().splitlines()
    assert [line.split()[1:] for line in lines] == [["audit", "starting"], ["audit", "ready"]]


def test_after_the_start_accidents_are_told_and_an_ordinary_stop_is_not() -> None:
    console, out = _console()
    with StartView(console) as view:
        pass
    view(ProcessRecord(name="audit", status="restarting", detail="killed by SIGKILL, again in 0.5 s", restarts=1))
    view(ProcessRecord(name="audit", status="ready", restarts=1))
    view(ProcessRecord(name="identity", status="stopping"))
    assert "killed by SIGKILL" in out.getvalue()
    assert "ready" in out.getvalue()
    assert "identity" not in out.getvalue()


def test_status_tells_what_answers_and_what_does_not() -> None:
    console, out = _console()
    records = [
        ProcessRecord(name="audit", status="ready", pid=7, url="http://127.0.0.1:7078"),
        ProcessRecord(name="identity", status="ready", pid=8),
        ProcessRecord(name="workflow", status="restarting", restarts=3),
    ]
    console.print(status_table(records, {"audit": True, "identity": False}))
    rows = {line.split()[0]: line for line in out.getvalue().splitlines()}
    assert "healthy" in rows["audit"]
    assert "127.0.0.1:7078" in rows["audit"]
    assert "not answering" in rows["identity"]
    assert "restarting" in rows["workflow"]
    assert rows["workflow"].split()[-1] == "3"


def test_the_addresses_fit_a_terminal_of_80_columns() -> None:
    console, out = _console()
    record = ProcessRecord(name="azurite", url="http://127.0.0.1:10000, :10001, :10002")
    console.print(url_table("http://127.0.0.1:8080", {"azurite": record}))
    assert "http://127.0.0.1:8080/identity/oauth2/token" in out.getvalue()
    assert "http://127.0.0.1:10000, :10001, :10002" in out.getvalue()
