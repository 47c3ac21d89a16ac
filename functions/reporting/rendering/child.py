"""The rendering process: a folder with spec.json and result.parquet in, report files and outcome.json out.

Started as `python -m functions.reporting.rendering.child FOLDER PARENT_PID`; prints each format when it is done.
"""

import os
import resource
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import polars as pl
from typst import TypstError

from chassis.errors import PlatformError
from functions.reporting.errors import RenderingFailed
from functions.reporting.rendering.chart_data import ChartData, chart_data
from functions.reporting.rendering.csv_file import write_csv
from functions.reporting.rendering.pdf_file import Front, write_pdf
from functions.reporting.rendering.result import ResultTable
from functions.reporting.rendering.spec import OUTCOME, RESULT, SPEC, Outcome, RenderSpec, file_name
from functions.reporting.rendering.summary import Profile, fitting_chart, key_figures, profile
from functions.reporting.rendering.xlsx_file import Properties, write_xlsx
from functions.reporting.schemas import Format

CPU_LIMIT_S = 300
"""So that a rendering whose parent was killed ends by itself."""


def main(folder: Path, parent: int) -> None:
    """Render what the folder asks for; a report that can't be made is an outcome, not a crash."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
    spec = RenderSpec.model_validate_json((folder / SPEC).read_bytes())
    try:
        outcome = Outcome(pages=render(spec, folder, _tell))
    except PlatformError as error:
        outcome = Outcome(problem=error.problem())
    except (pl.exceptions.PolarsError, TypstError, ValueError, OSError) as error:
        outcome = Outcome(problem=RenderingFailed(f"{type(error).__name__}: {str(error)[:300]}").problem())
    (folder / OUTCOME).write_text(outcome.model_dump_json(by_alias=True))
    if os.getppid() != parent:
        # Nobody waits for the files any more, and nobody else takes the folder away.
        shutil.rmtree(folder, ignore_errors=True)


def _tell(format: Format) -> None:
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), f"{format}\n".encode())


def render(spec: RenderSpec, folder: Path, on_file: Callable[[Format], None]) -> int | None:
    """Write every format asked for and tell of each; the number of pages, None without a PDF."""
    table = ResultTable(folder / RESULT, spec.request.labels)
    profiles = profile(table)
    request = spec.request
    front = Front(
        title=request.title,
        subtitle=request.subtitle,
        author=spec.author,
        job=request.job,
        date=spec.requested_at,
        figures=key_figures(table, profiles, request.figures),
        chart=_chart(spec, table, profiles),
    )
    pages = None
    for format in request.formats:
        pages = _write(format, table, profiles, front, folder / file_name(format)) or pages
        on_file(format)
    return pages


def _chart(spec: RenderSpec, table: ResultTable, profiles: tuple[Profile, ...]) -> ChartData | None:
    wanted = spec.request.chart or fitting_chart(profiles)
    if wanted is None or table.rows == 0:
        return None
    return chart_data(table, wanted)


def _write(format: Format, table: ResultTable, profiles: tuple[Profile, ...], front: Front, path: Path) -> int | None:
    if format == "pdf":
        return write_pdf(table, profiles, front, path)
    if format == "xlsx":
        properties = Properties(front.title, front.subtitle or "", front.author, front.date)
        write_xlsx(table, profiles, front.chart, properties, path)
    else:
        write_csv(table, path)
    return None


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
