"""Workers at the same time, as Envoy has them, under ThreadSanitizer."""

import subprocess
from pathlib import Path

import pytest

BURST, TENANTS = 5000, 2
"""Of `threads.c`."""


@pytest.mark.parametrize(("workers", "requests"), [(1, 3000), (2, 3000), (8, 2000), (8, 500)])
def test_workers_race_for_nothing_and_admit_what_one_would(threads: Path, workers: int, requests: int) -> None:
    command = [threads, str(workers), str(requests), "200"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    admitted, wrong = map(int, ran.stdout.split())
    assert wrong == 0
    assert admitted == min(workers * requests, TENANTS * BURST)
