"""Run the official Python worker's own end-to-end tests, unchanged, against funchost.

    git clone https://github.com/Azure/azure-functions-python-worker /tmp/worker
    python -m tests.integration.funchost.worker_suite /tmp/worker tests/endtoend tests/extension_tests/http_v2_tests

Their tests start a host through `tests.utils.testutils.WebHostTestCase`; as a pytest plugin, this module takes its
place. Further arguments go to pytest. Function apps without host.json get the one their own harness writes.
"""

import functools
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CHECKOUT = Path(os.environ.get("WORKER_CHECKOUT", "."))
_REPOSITORY = Path(__file__).parents[3]
_HOST_JSON = '{"version": "2.0", "logging": {"logLevel": {"default": "Trace"}}}'
_PREFIX = re.compile(r"^\S+Z [A-Z]+ (\S+)(?: \[[0-9a-f-]{36}\])? ?")

# The names that their tests use.
TESTS_ROOT = _CHECKOUT / "tests"
E2E_TESTS_FOLDER, E2E_TESTS_ROOT = Path("endtoend"), TESTS_ROOT / "endtoend"
UNIT_TESTS_FOLDER, UNIT_TESTS_ROOT = Path("unittests"), TESTS_ROOT / "unittests"
EXTENSION_TESTS_FOLDER = Path("extension_tests")


def retryable_test(times: int, pause_s: float) -> Callable[[Any], Any]:
    """A test that may fail all but the last time, as in their harness."""

    def decorate(test: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            for _ in range(times - 1):
                try:
                    return test(*args, **kwargs)
                except Exception:  # noqa: BLE001 (whatever their test raises)
                    time.sleep(pause_s)
            return test(*args, **kwargs)

        return call

    return decorate


class _Webhost:
    """A funchost process for one of their apps."""

    def __init__(self, script_dir: Path) -> None:
        if not (script_dir / "host.json").exists():
            (script_dir / "host.json").write_text(_HOST_JSON)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(_REPOSITORY), os.environ.get("WORKER_OVERLAY", ""), str(_CHECKOUT)]),
            "FUNCHOST_STATE_DIR": tempfile.mkdtemp(),
            "FUNCHOST_MASTER_KEY": "testMasterKey",
            "FUNCHOST_HOST_KEY": "testFunctionKey",
        }
        self.lines: list[str] = []
        self._addr = ""
        self._is_up_or_over = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "funchost", "start", "--app", str(script_dir), "--port", "0"],
            cwd=script_dir,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        self._is_up_or_over.wait(30)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip())
            if found := re.search(r"Host ready in \S+ s on (\S+)", line):
                self._addr = found[1]
                self._is_up_or_over.set()
        self._is_up_or_over.set()

    def request(self, method: str, name: str, *args: Any, **kwargs: Any) -> Any:
        """Their tests' way to call a function."""
        import requests

        params = {"code": "testFunctionKey", **kwargs.pop("params", {})}
        prefix = "/" if kwargs.pop("no_prefix", False) else "/api/"
        return requests.request(method, self._addr + prefix + name, *args, params=params, **kwargs)

    def is_healthy(self) -> bool:
        """Whether it serves."""
        return bool(self._addr)

    def close(self) -> None:
        """Drain and end."""
        self._process.terminate()
        self._process.wait(40)


class _ChecksLogs(type):
    """Runs `check_log_x` with the host's lines after `test_x`."""

    def __new__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> Any:
        for attribute, test in list(members.items()):
            if attribute.startswith("test_") and callable(test):
                members[attribute] = _with_log_check(test, members.get(f"check_log_{attribute[5:]}"))
        return super().__new__(cls, name, bases, members)


def _with_log_check(test: Any, check: Any) -> Any:
    @functools.wraps(test)
    def run(self: Any, *args: Any, **kwargs: Any) -> None:
        begin = 0 if self.webhost.is_fresh else len(self.webhost.lines)
        self.webhost.is_fresh = False
        test(self, *args, **kwargs)
        if check is not None:
            time.sleep(0.3)  # for lines that are still on their way
            lines = [part for line in self.webhost.lines[begin:] for part in _PREFIX.sub("", line).split(" | ")]
            check(self, host_out=[line.strip() for line in lines])

    return run


class WebHostTestCase(unittest.TestCase, metaclass=_ChecksLogs):
    """What their test classes derive from; apps of the v1 model are skipped."""

    env_variables: dict[str, str] = {}

    @classmethod
    def get_script_dir(cls) -> Path:
        """The app's folder, under their tests."""
        raise NotImplementedError

    @classmethod
    def setUpClass(cls) -> None:
        """Start the host."""
        script_dir = TESTS_ROOT / cls.get_script_dir()
        if not (script_dir / os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")).exists():
            raise unittest.SkipTest("an app of the v1 model")
        cls.webhost: Any = _Webhost(script_dir)
        cls.webhost.is_fresh = True
        if not cls.webhost.is_healthy():
            told = "\n".join(cls.webhost.lines)
            cls.webhost.close()
            raise RuntimeError(f"the host did not start:\n{told}")

    @classmethod
    def tearDownClass(cls) -> None:
        """End the host."""
        cls.webhost.close()


def _take_the_place_of_their_harness() -> None:
    import tests.utils

    tests.utils.testutils = sys.modules["tests.utils.testutils"] = sys.modules[__name__]  # type: ignore[attr-defined]


def main(checkout: str, *arguments: str) -> int:
    """Run pytest in the checkout, with storage of its own; returns its exit code."""
    from local.azurite import Azurite

    with Azurite() as azurite:
        environment = {
            **os.environ,
            "WORKER_CHECKOUT": checkout,
            "AzureWebJobsStorage": azurite.connection_string,
            "PYTHONPATH": os.pathsep.join([checkout, str(Path(__file__).parent)]),
        }
        command = [sys.executable, "-m", "pytest", "-q", "-p", "worker_suite", "--import-mode=importlib"]
        return subprocess.call([*command, "--rootdir", checkout, *arguments], cwd=checkout, env=environment)


if __name__ == "__main__":
    sys.exit(main(str(Path(sys.argv[1]).resolve()), *sys.argv[2:]))
elif "WORKER_CHECKOUT" in os.environ:
    _take_the_place_of_their_harness()
