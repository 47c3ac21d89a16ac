"""What holds for every test run."""

import atexit
import os


@atexit.register
def _end_quietly() -> None:
    """DuckDB's bindings report objects alive at exit as leaks, dozens of lines after the summary; not ours to mend."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)
