"""The catalog as clients read it."""

import jsonschema_rs

from chassis.context import Principal
from functions.workflow.catalog_api import list_functions

NAMES = {
    *("metadata.validate", "processing.run", "processing.validate", "reporting.render", "notification.send"),
    "audit.record",
}


async def test_every_function_has_usable_schemas_of_what_it_takes_and_gives() -> None:
    page = await list_functions(Principal(subject="s", tenant="t"))
    assert {item.name for item in page.items} >= NAMES
    for item in page.items:
        jsonschema_rs.Draft202012Validator(item.output)
        takes = jsonschema_rs.Draft202012Validator(item.input)
        assert not takes.is_valid({"unheard-of": 1})
        assert item.service in item.name
