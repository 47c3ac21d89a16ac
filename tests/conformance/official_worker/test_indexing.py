"""The official Python worker's own indexing accepts every service alone and all nine together.

The worker is published as azure-functions-runtime for Python 3.13 and later only; elsewhere these tests are skipped.
"""

import json
import os
import subprocess
import sys

import pytest

from chassis.manifest import SERVICES
from chassis.settings import ROOT

pytest.importorskip("azure_functions_runtime", reason="the official worker is on PyPI for Python 3.13 and later only")

INDEX = """
import json
from types import SimpleNamespace as Proto
from azure_functions_runtime import loader
from azure_functions_runtime.bindings.meta import load_binding_registry
from azure_functions_runtime.functions import Registry

class BindingInfo(Proto):
    out, inout = 1, 2

setattr(BindingInfo, "in", 0)
protos = Proto(RpcFunctionMetadata=Proto, BindingInfo=BindingInfo, RpcRetryOptions=Proto)
load_binding_registry()
registry = Registry()
metadata, _ = loader.process_indexed_function(protos, registry, loader.index_function_app("function_app.py"), ".")
print(json.dumps({function.name: [json.loads(raw) for raw in function.raw_bindings] for function in metadata}))
"""


def indexed(services: str) -> dict[str, list[dict[str, object]]]:
    """Function name → its raw bindings, as the worker would report them to the host."""
    environment = {**os.environ, "PLATFORM_SERVICES": services}
    done = subprocess.run(
        [sys.executable, "-c", INDEX], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, object]]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("services", [*SERVICES, ",".join(SERVICES)])
def test_the_official_worker_accepts_every_function(services: str) -> None:
    functions = indexed(services)
    assert {name.split("_")[0] for name in functions} == set(services.split(","))
    assert all(bindings for bindings in functions.values())
