"""201: something new, and where it lies."""

from fastapi import Response


def created(response: Response, location: str) -> None:
    """Answer 201; `location` is a path at the edge, percent-encoded, that answers GET."""
    response.status_code = 201
    response.headers["Location"] = location
