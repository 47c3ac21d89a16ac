"""`run: script` and `run: shell` in real child processes, isolated as the kernel here allows."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from durable.workflow.processes.child import NotRun
from durable.workflow.processes.process import check_isolation
from durable.workflow.processes.programs import program_for
from functions.workflow import composition
from functions.workflow.errors import DefinitionNotSupported
from tests.integration.workflow.calls.running import run

SHELL = "/do/0/go"


@pytest.fixture(scope="module", autouse=True)
def isolation() -> None:
    try:
        asyncio.run(check_isolation())
    except NotRun as error:
        pytest.skip(f"this kernel isolates no processes: {error}")


@pytest.fixture
def workflow_settings(tmp_path: Path) -> dict[str, Any]:
    return {
        "secrets_file": tmp_path / "secrets.json",
        "workflow_processes": "isolated",
        "workflow_process_memory_mib": 256,
        "workflow_resources_dir": tmp_path / "resources",
    }


def python(code: str, more: str = "") -> str:
    text = "\n".join("            " + line for line in code.splitlines())
    return f"do:\n  - go:\n      run:\n        script:\n          language: python\n          code: |\n{text}\n{more}"


def shell(command: str, more: str = "", mode: str = "stdout") -> str:
    return f"do: [{{go: {{run: {{shell: {{command: '{command}'{more}}}, return: {mode}}}}}}}]"


async def test_a_script_gets_arguments_environment_and_stdin(house: Any) -> None:
    code = "import os, sys\nprint(sys.stdin.read(), sys.argv[1:], os.environ['A'])"
    given = ("stdin: '${ .text }'", "arguments: ['${ .n }', b]", "environment: {A: '${ {x: .n} }'}")
    more = "".join(f"          {line}\n" for line in given)
    found = await run(house, python(code, more), {"text": "in", "n": 1})
    assert found.output == "in ['1', 'b'] {\"x\": 1}\n", found.error


@pytest.mark.skipif(program_for("js") is None, reason="there is no node")
async def test_javascript_runs_as_a_module(house: Any) -> None:
    body = """
do:
  - go:
      run:
        script:
          language: javascript
          stdin: Hello Workflow
          environment: {foo: bar}
          arguments: [hello]
          code: |
            import { readFileSync } from 'node:fs';
            const [_, __, arg] = process.argv;
            console.log(readFileSync(process.stdin.fd, 'utf8'), arg, process.env.foo)
"""
    found = await run(house, body)
    assert found.output == "Hello Workflow hello bar\n", found.error


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("stdout", "out\n"),
        ("stderr", "err\n"),
        ("code", 0),
        ("all", {"code": 0, "stdout": "out\n", "stderr": "err\n"}),
        ("none", None),
    ],
)
async def test_what_is_given_follows_the_return_mode(house: Any, mode: str, wanted: Any) -> None:
    found = await run(house, shell("echo out; echo err >&2", mode=mode))
    assert found.status == "completed", found.error
    assert found.output == wanted


async def test_a_code_is_an_error_unless_it_is_shown(house: Any) -> None:
    found = await run(house, shell("echo why >&2; exit 3"))
    assert (found.error.type.rsplit("/", 1)[1], found.error.status) == ("runtime", 500)
    assert "ended with 3: why" in found.error.detail
    found = await run(house, shell("exit 3", mode="code"))
    assert found.output == 3


async def test_a_process_that_is_not_awaited_gives_the_tasks_input(house: Any) -> None:
    found = await run(house, "do: [{go: {run: {shell: {command: sleep 1}, await: false}}}]", {"a": 1})
    assert (found.status, found.output) == ("completed", {"a": 1})


async def test_a_process_sees_no_network_no_files_of_ours_and_no_other_process(house: Any) -> None:
    code = """
import os, socket
for what in ("/root/.ssh", "/etc/passwd", os.environ.get("OUTSIDE", "/home")):
    assert not os.path.exists(what), what
assert len([name for name in os.listdir("/proc") if name.isdigit()]) <= 1
assert "AzureWebJobsStorage" not in os.environ and os.getuid() != 0
for act in (lambda: open("/usr/x", "w"), lambda: socket.create_connection(("127.0.0.1", 80), 1)):
    try:
        act()
    except OSError as error:
        print(error.errno)
"""
    found = await run(house, python(code))
    assert found.output == "30\n101\n", found.error


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("x = bytearray(10**9)", "MemoryError"),
        ("print('x' * 2_000_000)", "more than 1048576 bytes"),
        (
            "import os, time\nfor _ in range(50):\n    os.fork() or time.sleep(9)",
            "Resource temporarily unavailable",
        ),
        ("open('/work/large', 'wb').write(b'x' * 10**8)", ""),
    ],
)
async def test_a_process_stays_within_its_limits(house: Any, code: str, reason: str) -> None:
    found = await run(house, python(code))
    assert found.error.type.endswith("/runtime"), found.error
    assert reason in found.error.detail


@pytest.mark.usefixtures("impatient")
async def test_a_process_that_does_not_end_is_ended(house: Any) -> None:
    found = await run(house, python("while True: pass"))
    assert found.error.type.endswith("/timeout"), found.error
    assert "longer than 1 seconds" in found.error.detail


async def test_a_secret_reaches_a_process_and_nothing_else(house: Any) -> None:
    await composition.secrets().put(house.caller.tenant, "key", "canary-of-a-process")
    more = ', environment: {KEY: "${ $secrets.key }"}'
    found = await run(house, "use: {secrets: [key]}\n" + shell("echo $KEY; test ${#KEY} = 19", more))
    assert found.output == "***\n", found.error
    files = b"".join(path.read_bytes() for path in house.state.glob("hub.db*"))
    assert b"canary-of-a-process" not in files


async def test_a_script_may_lie_in_the_operators_folder_and_nowhere_else(house: Any, tmp_path: Path) -> None:
    folder = tmp_path / "resources" / "scripts"
    folder.mkdir(parents=True)
    (folder / "hello.py").write_text("print('hello')")
    body = "do: [{{go: {{run: {{script: {{language: python, source: {{endpoint: 'file://{path}'}}}}}}}}}}]"
    assert (await run(house, body.format(path="scripts/hello.py"))).output == "hello\n"
    for path in ("../secrets.json", "/etc/passwd", "scripts", "%2e%2e/secrets.json"):
        assert (await run(house, body.format(path=path))).error.title == "No such resource"


@pytest.mark.parametrize("language", ["ruby", "cobol"])
async def test_other_languages_are_refused_when_put(house: Any, language: str) -> None:
    with pytest.raises(DefinitionNotSupported, match=f"language {language}"):
        await run(house, python("x").replace("language: python", f"language: {language}"))


async def test_without_leave_of_the_operator_processes_are_refused_when_put(house: Any) -> None:
    settings = house.runtime.settings.model_copy(update={"workflow_processes": "off"})
    house.runtime.__dict__["settings"] = settings
    with pytest.raises(DefinitionNotSupported, match="PLATFORM_WORKFLOW_PROCESSES"):
        await run(house, shell("true"))
