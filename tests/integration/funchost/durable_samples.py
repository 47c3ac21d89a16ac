"""Run the Durable SDK's own samples, unchanged, on funchost, and print what came out.

    git clone https://github.com/Azure/azure-functions-durable-python /tmp/durable
    python -m tests.integration.funchost.durable_samples /tmp/durable

`samples-v2` are started as they are. `samples` are written for the v1 model (a folder with function.json for each
function), which this host does not have: beside a copy of them a function_app.py is put that declares the same
bindings by `generic_*`; their own code stays as it is.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_REPOSITORY = Path(__file__).parents[3]
_KEY = "sample-key"
_V1_APP = """
import importlib
import json
import pathlib
import sys

import azure.functions as func

app = func.FunctionApp()
here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent))
NEW_NAMES = {"orchestrationClient": "durableClient"}
for file in sorted(here.glob("*/function.json")):
    code = importlib.import_module(f"{here.name}.{file.parent.name}").main
    for binding in json.loads(file.read_text())["bindings"]:
        kind, name, way = (binding.pop(key) for key in ("type", "name", "direction"))
        binding.pop("datatype", None)
        kind = NEW_NAMES.get(kind, kind)
        declare = app.generic_trigger if kind.endswith("Trigger") else app.generic_input_binding
        declare = app.generic_output_binding if way == "out" else declare
        code = declare(arg_name=name, type=kind, **binding)(code)
    app.function_name(name=file.parent.name)(code)
"""


@dataclass(frozen=True)
class Run:
    """A request to a sample and what the orchestration that it starts must come to."""

    sample: str
    path: str
    output: Any
    body: Any = None


def _runs(checkout: Path) -> list[Run]:
    hello = ["Hello Tokyo!", "Hello Seattle!", "Hello London!"]
    files = [
        p for p in (checkout / "samples" / "fan_in_fan_out").rglob("*") if p.name in ("__init__.py", "function.json")
    ]
    bytes_of_e2 = sum(path.stat().st_size for path in files if path.parent.name.startswith("E2_"))
    folder = str(checkout / "samples" / "fan_in_fan_out")
    start = "/api/orchestrators"
    return [
        Run("samples-v2/blueprint", "/api/startOrchestrator", hello),
        Run("samples-v2/fan_in_fan_out", f"{start}/E2_BackupSiteContent", bytes_of_e2, folder),
        Run("samples-v2/function_chaining", f"{start}/my_orchestrator", hello),
        Run("samples/counter_entity", f"{start}/DurableOrchestration", 3),
        Run("samples/fan_in_fan_out", f"{start}/E2_BackupSiteContent", bytes_of_e2, folder),
        Run("samples/function_chaining", f"{start}/E1_HelloSequence", hello),
        Run("samples/function_chaining_custom_status", f"{start}/DurableOrchestration", ...),
        Run("samples/human_interaction", f"{start}/E4_SMSPhoneVerification", ..., "+15550100"),
        Run("samples/serialize_arguments", f"{start}/DurableOrchestration", ...),
        Run("samples/simple_sub_orchestration", f"{start}/DurableOrchestrator", ...),
    ]


def main(checkout: Path) -> int:
    """Run every sample; returns how many did not come to what they should."""
    from local.azurite import Azurite

    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, run in enumerate(_runs(checkout)):
            app = Path(folder) / f"sample{number}"
            shutil.copytree(checkout / run.sample, app)
            changed = _prepare(app)
            try:
                with Azurite() as azurite:
                    told = _run(app, run, azurite.connection_string)
            except (AssertionError, OSError) as error:
                failed += 1
                told = f"FAILED: {error}"
            print(f"{run.sample:42} {told} {changed}", flush=True)
    return failed


def _prepare(app: Path) -> str:
    """Add what the v1 model needs; returns what was changed beyond that, in words."""
    if not (app / "function_app.py").exists():
        (app / "function_app.py").write_text(_V1_APP)
    text = (app / "host.json").read_text()
    _, end = json.JSONDecoder().raw_decode(text)
    if not text[end:].strip():
        return ""
    (app / "host.json").write_text(text[:end])
    return "(host.json holds two objects, which no parser takes: cut to the first)"


def _run(app: Path, run: Run, storage: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(_REPOSITORY),
        "AzureWebJobsStorage": storage,
        "FUNCHOST_STATE_DIR": str(app / ".state"),
        "FUNCHOST_HOST_KEY": _KEY,
    }
    command = [sys.executable, "-m", "funchost", "start", "--app", str(app), "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as host:
        try:
            url = _address(host)
            started = _ask(f"{url}{run.path}?code={_KEY}", run.body)
            ended = _ended(started["statusQueryGetUri"])
        finally:
            host.terminate()
    assert ended["runtimeStatus"] == "Completed", ended
    assert run.output in (..., ended["output"]), ended
    return f"Completed: {json.dumps(ended['output'])}"


def _address(host: subprocess.Popen[str]) -> str:
    assert host.stdout is not None
    lines = []
    for line in host.stdout:
        lines.append(line)
        if found := re.search(r"Host ready in \S+ s on (\S+)", line):
            return found[1]
    raise AssertionError("the host did not start: " + " / ".join(line.strip() for line in lines))


def _ended(status: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while True:
        answer: dict[str, Any] = _ask(status)
        if answer["runtimeStatus"] not in ("Pending", "Running"):
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)


def _ask(url: str, body: Any = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, content), timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{error.code} {error.read().decode()[:500]}") from None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
