import sys
from collections.abc import Iterator
from pathlib import Path

import azure.functions as func
import pytest

from funchost.errors import HostError
from funchost.indexing import functions_of, index_app

_HEAD = "import azure.functions as func\n"
_HELLO = '@{app}.route(route="hello")\ndef {name}(req: func.HttpRequest) -> str:\n    return ""\n'


@pytest.fixture(autouse=True)
def _unloaded() -> Iterator[None]:
    path = list(sys.path)
    yield
    sys.path[:] = path
    sys.modules.pop("function_app", None)


def _write(folder: Path, text: str) -> Path:
    (folder / "function_app.py").write_text(_HEAD + text)
    return folder


def test_functions_of_an_app_under_any_name_are_found_with_their_bindings(tmp_path: Path) -> None:
    text = "platform = func.FunctionApp()\nbp = func.Blueprint()\n" + _HELLO.format(app="bp", name="greet")
    (greet,) = index_app(_write(tmp_path, text + "platform.register_functions(bp)\n"))
    assert greet.name == "greet"
    assert greet.trigger.type == "httpTrigger"
    assert greet.trigger.properties["route"] == "hello"
    assert [b.type for b in greet.bindings if b.is_output] == ["http"]
    assert f"{tmp_path / 'function_app.py'}:4" in greet.where


def test_two_apps_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="one, two"):
        index_app(_write(tmp_path, "one = func.FunctionApp()\ntwo = func.FunctionApp()\n"))


def test_no_app_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no function app"):
        index_app(_write(tmp_path, "bp = func.Blueprint()\n"))


def test_an_app_without_functions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no function"):
        index_app(_write(tmp_path, "app = func.FunctionApp()\n"))


def test_a_duplicate_name_is_refused_as_the_worker_does(tmp_path: Path) -> None:
    text = "app = func.FunctionApp()\n" + _HELLO.format(app="app", name="a") + _HELLO.format(app="app", name="a")
    with pytest.raises(HostError, match="unique"):
        index_app(_write(tmp_path, text))


def test_a_function_without_a_trigger_is_refused(tmp_path: Path) -> None:
    text = 'app = func.FunctionApp()\n@app.function_name("f")\ndef f() -> None: ...\n'
    with pytest.raises(HostError, match="trigger"):
        index_app(_write(tmp_path, text))


def test_what_the_script_raises_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="ZeroDivisionError") as caught:
        index_app(_write(tmp_path, "\n1 / 0\n"))
    assert caught.value.where == f"{tmp_path / 'function_app.py'}:3"


def test_a_syntax_error_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="SyntaxError") as caught:
        index_app(_write(tmp_path, "def f(:\n"))
    assert caught.value.where.endswith("function_app.py:2")


def test_a_missing_package_is_to_be_installed(tmp_path: Path) -> None:
    with pytest.raises(HostError) as caught:
        index_app(_write(tmp_path, "import no_such_package\n"))
    assert "Install no_such_package" in caught.value.remedy


def test_a_missing_script_is_told(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"no function_app\.py"):
        index_app(tmp_path)


def test_methods_of_a_generic_trigger_may_be_a_text() -> None:
    app = func.FunctionApp()

    @app.generic_trigger(arg_name="req", type="httpTrigger", methods="get, post")
    def hello(req: func.HttpRequest) -> str:
        return ""

    (definition,) = functions_of(app, Path("function_app.py"))
    assert definition.trigger.properties["methods"] == ["get", "post"]
