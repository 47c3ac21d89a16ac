"""What generated clients call the operations: the name of the function, which is one operation's alone."""

from collections import Counter

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from tests.unit.functions.test_response_headers import ROUTERS


@pytest.mark.parametrize(("service", "routers"), ROUTERS.items(), ids=ROUTERS)
def test_every_operation_of_a_service_has_a_name_of_its_own(service: str, routers: tuple[APIRouter, ...]) -> None:
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    names = Counter(route.name for route in routes if route.include_in_schema for _ in route.methods or ())
    assert names, service
    assert [name for name, count in names.items() if count > 1] == []
