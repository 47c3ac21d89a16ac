"""How the definition of a function that was fetched is taken."""

import json
from typing import Any

from durable.workflow.calls.resources import Resource, parsed
from durable.workflow.dsl.accept import accept
from durable.workflow.dsl.mistakes import DefinitionRefused
from durable.workflow.dsl.permissions import Permissions
from durable.workflow.dsl.schemas import elsewhere
from durable.workflow.expressions import Evaluator
from durable.workflow.faults import Fault, spec_error


def accepted_function(resource: Resource, evaluator: Evaluator, permissions: Permissions) -> dict[str, Any]:
    """The raw task of a fetched function. Raises Fault of the configuration type when it would not run.

    It is checked as the only task of a definition of its own, so it can name no secret, authentication or function
    of the workflow that calls it.
    """
    raw = parsed(resource, "a function")
    document = {"dsl": "1.0.3", "namespace": "fetched", "name": "function", "version": "1.0.0"}
    try:
        text = json.dumps({"document": document, "do": [{"function": raw}]}).encode()
        if elsewhere(accept(text, evaluator, permissions).definition):
            detail = "its schemas lie elsewhere; a fetched function has them inline"
            raise Fault(spec_error("configuration", 400, "Not a usable function", detail))
    except DefinitionRefused as refused:
        detail = "; ".join(map(str, refused.mistakes[:3]))[:1000]
        raise Fault(spec_error("configuration", 400, "Not a usable function", detail)) from None
    return raw
