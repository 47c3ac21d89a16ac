"""The specification's conformance kit (tag v1.0.3, folder ctk), unchanged, through the platform's HTTP API."""

from typing import Any

import pytest

from tests.conformance.open_workflow_ctk.gherkin import Scenario
from tests.conformance.open_workflow_ctk.steps import play


@pytest.mark.asyncio(loop_scope="session")
async def test_scenario(scenario: Scenario, house: Any) -> None:
    async with house.api(scenario) as api:
        await api.log_in()
        await play(scenario, api)
