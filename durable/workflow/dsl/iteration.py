"""What is done for each event or message that a subscription consumes."""

from typing import TYPE_CHECKING

from durable.workflow.dsl.base import DslModel
from durable.workflow.dsl.dataflow import Export, Output

if TYPE_CHECKING:
    from durable.workflow.dsl.tasks import TaskList


class SubscriptionIterator(DslModel):
    """Runs tasks for each item, as it comes; `item` and `at` name the variables that hold it and its index."""

    item: str = "item"
    at: str = "index"
    do: "TaskList | None" = None
    output: Output | None = None
    export: Export | None = None
