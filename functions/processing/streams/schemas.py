"""The contracts of streams over HTTP; what a stream is, is in `definition`."""

from datetime import datetime
from typing import Any

from chassis.models import Contract
from functions.processing.streams.definition import StreamDefinition, StreamName


class Stream(Contract):
    """A stream as its owner sees it. `dataset` is the dataset that it fills, where that is its sink."""

    name: StreamName
    definition: StreamDefinition
    created_at: datetime
    columns: tuple[str, ...]
    dataset: str | None = None


class StreamSummary(Contract):
    """One of a tenant's streams."""

    name: StreamName
    created_at: datetime


class StreamList(Contract):
    """A tenant's streams by name."""

    items: tuple[StreamSummary, ...]


class WindowView(Contract):
    """One key's window; `values` are the query's columns. Of a window with several panes this is the last one.

    `final`: no later pane will come.
    """

    key: str
    start: str
    end: str
    pane: int
    final: bool
    values: dict[str, Any]


class WindowPage(Contract):
    """Windows in order of their start; `next` is the token of the next page, if there is one."""

    items: tuple[WindowView, ...]
    next: str | None = None


class LatePage(Contract):
    """Messages that came after all their windows; `next` is the token of the next page, if there is one."""

    items: tuple[dict[str, Any], ...]
    next: str | None = None
