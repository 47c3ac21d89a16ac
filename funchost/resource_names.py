"""Names of queues, containers and tables, checked when the app is indexed.

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftstorage
"""

import re

from funchost.errors import HostError

_DASHED = r"(?=.{3,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*"
_RULES = {
    "queue": (re.compile(_DASHED), "3 to 63 lower-case letters, digits and single hyphens"),
    "container": (
        re.compile(rf"{_DASHED}|\$root|\$web|\$logs"),
        "3 to 63 lower-case letters, digits and single hyphens (or $root, $web, $logs)",
    ),
    "table": (re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}"), "3 to 63 letters and digits, a letter first"),
}


def check_name(kind: str, name: str, *, where: str) -> str:
    """The name, if a resource of the kind (queue, container, table) can have it. Raises HostError."""
    pattern, rule = _RULES[kind]
    if pattern.fullmatch(name):
        return name
    raise HostError(f"{name!r} cannot be the name of a {kind}", where=where, remedy=f"Use {rule}.")
