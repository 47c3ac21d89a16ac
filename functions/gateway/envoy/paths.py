"""Path templates of service.yaml as Envoy path matchers, and the order in which they are tried."""

import re

from functions.gateway.envoy.resource import Resource

_PARAMETER = re.compile(r"\{(\*?)[a-zA-Z]+\}")


def path_match(template: str) -> Resource:
    """The path part of a RouteMatch; it never sees the query string.

    `{name}` matches one segment that is not empty; `{*rest}` matches whatever follows, also nothing.
    """
    if "{" not in template:
        return {"path": template}
    return {"safe_regex": {"regex": path_pattern(template)}}


def path_pattern(template: str) -> str:
    """The RE2 expression (matched against the whole path) of a template."""
    return "".join(f"{_segment_pattern(segment)}" for segment in template.lstrip("/").split("/"))


def specificity(template: str) -> tuple[tuple[int, str], ...]:
    """A sort key: sorted by it, a more specific template comes before every template that covers it.

    Segment by segment: literal, then parameter, then the rest-parameter.
    """
    return tuple(_rank(segment) for segment in template.lstrip("/").split("/"))


def _segment_pattern(segment: str) -> str:
    parameter = _PARAMETER.fullmatch(segment)
    if parameter is None:
        return "/" + re.escape(segment)
    return "(?:/.*)?" if parameter[1] else "/[^/]+"


def _rank(segment: str) -> tuple[int, str]:
    parameter = _PARAMETER.fullmatch(segment)
    if parameter is None:
        return (0, segment)
    return (2, "") if parameter[1] else (1, "")
