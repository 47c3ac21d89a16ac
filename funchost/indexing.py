"""Find the functions of an app, as the Python worker does: import the script, ask its FunctionRegister."""

import ast
import importlib.util
import json
import os
import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from funchost.definitions import Binding, FunctionDefinition, place_of
from funchost.errors import HostError


def index_app(app_dir: Path) -> list[FunctionDefinition]:
    """Every function of the app in the folder, in the order of declaration. Raises HostError."""
    script = app_dir / os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
    if not script.is_file():
        raise HostError(
            f"There is no {script.name}",
            where=str(app_dir),
            remedy="Start in the folder of a Python v2 function app, or name it with --app.",
        )
    return functions_of(_find_register(_import_script(script), script), script)


def functions_of(register: Any, script: Path) -> list[FunctionDefinition]:
    """Every function of the FunctionApp (or other FunctionRegister) found in the script. Raises HostError."""
    register.functions_bindings = {}  # it remembers the names of an earlier reading, and would call them duplicates
    try:
        functions = register.get_functions()
    except (ValueError, KeyError, TypeError) as error:
        raise HostError(
            f"The app cannot be indexed: {error}",
            where=_places(register, str(error), script),
            remedy="Every function needs one trigger and a name of its own (@app.function_name).",
        ) from None
    if not functions:
        raise HostError(
            "The app declares no function", where=str(script), remedy="Decorate one, for example with @app.route()."
        )
    return [_definition(function, script) for function in functions]


def _places(register: Any, message: str, script: Path) -> str:
    """File and line of every function that the message names; the script when it names none."""
    functions = [builder._function for builder in getattr(register, "_function_builders", ())]
    named = [f for f in functions if re.search(rf"\b{re.escape(str(f.get_function_name()))}\b", message)]
    return " and ".join(place_of(f.get_user_function(), script) for f in named) or str(script)


def _import_script(script: Path) -> ModuleType:
    packages = script.parent / ".python_packages" / "lib" / "site-packages"
    for path in (packages, script.parent):
        if path.is_dir() and str(path) not in sys.path:
            sys.path.insert(0, str(path))
    spec = importlib.util.spec_from_file_location(script.stem, script)
    if spec is None or spec.loader is None:
        remedy = "Name a .py file in PYTHON_SCRIPT_FILE_NAME."
        raise HostError(f"{script.name} is not a Python file", where=str(script), remedy=remedy)
    module = importlib.util.module_from_spec(spec)
    sys.modules[script.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _import_error(error, script) from error
    return module


def _import_error(error: Exception, script: Path) -> HostError:
    if isinstance(error, SyntaxError):
        where = f"{error.filename}:{error.lineno}"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename.startswith(str(script.parent))]
        where = f"{(own or frames)[-1].filename}:{(own or frames)[-1].lineno}"
    remedy = "Correct the app; `python -c 'import function_app'` shows the whole traceback."
    if isinstance(error, ModuleNotFoundError):
        remedy = f"Install {error.name} into this Python ({sys.executable}), or correct the import."
    return HostError(f"{script.name} cannot be imported: {type(error).__name__}: {error}", where=where, remedy=remedy)


def _find_register(module: ModuleType, script: Path) -> Any:
    from azure.functions import FunctionRegister

    found = {name: value for name, value in vars(module).items() if isinstance(value, FunctionRegister)}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise HostError(
            f"There is more than one function app: {', '.join(found)}",
            where=" and ".join(f"{script}:{line}" for line in _lines_of(found, script)) or str(script),
            remedy="Keep one FunctionApp and register the others as func.Blueprint().",
        )
    raise HostError(
        "There is no function app in the script",
        where=str(script),
        remedy="Add `app = func.FunctionApp()` at module level.",
    )


def _lines_of(names: Iterable[str], script: Path) -> list[int]:
    """Where the names are assigned or imported in the script."""
    wanted, lines = set(names), set()
    for statement in ast.parse(script.read_text(encoding="utf-8")).body:
        targets = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        bound = {node.id for node in targets if isinstance(node.ctx, ast.Store)}
        if isinstance(statement, ast.Import | ast.ImportFrom):
            bound = {alias.asname or alias.name for alias in statement.names}
        if bound & wanted:
            lines.add(statement.lineno)
    return sorted(lines)


def _definition(function: Any, script: Path) -> FunctionDefinition:
    bindings = tuple(_binding(json.loads(raw)) for raw in function.get_raw_bindings())
    trigger_name = function.get_trigger().name
    return FunctionDefinition(
        name=str(function.get_function_name()),
        user_function=function.get_user_function(),
        script_file=script,
        bindings=bindings,
        trigger=next(b for b in bindings if b.name == trigger_name and not b.is_output),
        retry=function.get_settings_dict("retry_policy"),
    )


def _binding(properties: dict[str, Any]) -> Binding:
    if isinstance(methods := properties.get("methods"), str):  # generic_trigger(…, methods="GET,POST")
        properties["methods"] = [method.strip() for method in methods.split(",")]
    return Binding(
        name=properties["name"],
        type=properties["type"],
        is_output=str(properties["direction"]).upper() == "OUT",
        properties=properties,
    )
