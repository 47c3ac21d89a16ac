"""The typeface of reports, from its own package: a report looks the same on every machine."""

from importlib.resources import files
from pathlib import Path

FAMILY = "Source Sans Pro"


def font_folder() -> Path:
    """The folder of the font files."""
    return Path(str(files("font_source_sans_pro"))) / "files"
