"""HTTP load from a process of its own: wrk where there is one, else a small client in Python."""

import asyncio
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from bench.contest import BenchError, Sample
from local.layout import ROOT
from local.supervisor.child import die_with_parent

LUA = Path(__file__).resolve().parent / "load.lua"
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)", re.MULTILINE)
_LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)", re.MULTILINE)
_FAILURES = re.compile(r"^\s*(Non-2xx or 3xx responses|Socket errors): (.*)$", re.MULTILINE)
GRACE_S = 15.0


def client_name() -> str:
    """Which client makes the load."""
    return "wrk" if shutil.which("wrk") else "Python client"


async def load(url: str, seconds: float, *, connections: int, tokens: Path | None = None) -> Sample:
    """Requests a second with p50 and p99 in ms; each connection keeps alive and asks again when it is answered.

    `tokens` is a file of bearer tokens, one a line, sent in turn. Raises BenchError for any answer but 2xx.
    """
    wrk = shutil.which("wrk")
    if wrk is not None:
        return wrk_sample(await _output(_wrk_command(wrk, url, seconds, connections, tokens), seconds), url)
    command = [sys.executable, "-m", "bench.load_client", url, f"{seconds:g}", str(connections)]
    report = orjson.loads(await _output(command + ([str(tokens)] if tokens else []), seconds))
    if report["failures"]:
        raise BenchError(f"{url} failed {report['failures']} requests")
    return Sample(report["rate"], {"p50 ms": report["p50"], "p99 ms": report["p99"]})


def _wrk_command(wrk: str, url: str, seconds: float, connections: int, tokens: Path | None) -> Sequence[str]:
    # Whole seconds are all that wrk takes.
    command = [wrk, "--latency", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
    return [*command, "-s", str(LUA), url, "--", str(tokens)] if tokens else [*command, url]


def wrk_sample(output: str, url: str) -> Sample:
    """What wrk printed. Raises BenchError when an answer was not 2xx or a connection broke."""
    failure, rate = _FAILURES.search(output), _RATE.search(output)
    if failure or rate is None:
        raise BenchError(f"{url}: {failure[0].strip() if failure else output}")
    found = {f"p{share} ms": float(value) * _UNITS[unit] for share, value, unit in _LATENCY.findall(output)}
    return Sample(float(rate[1]), found)


async def _output(command: Sequence[str], seconds: float) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=die_with_parent,
    )
    try:
        async with asyncio.timeout(seconds + GRACE_S):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise BenchError(f"the load client failed: {errors.decode(errors='replace')[-1000:]}")
    return output.decode()
