"""The result as CSV (RFC 4180), every number in its shortest form that reads back as the same number."""

from pathlib import Path

from functions.reporting.rendering.result import ResultTable


def write_csv(table: ResultTable, path: Path) -> None:
    """Write the table, streaming.

    UTF-8 without a byte order mark, CRLF, a header row. An absent value is an empty field, an empty text is `""`;
    dates and times are ISO 8601. Values are written as they are: a spreadsheet may take a text that starts with `=`
    for a formula, so people who open reports in one use XLSX.
    """
    table.lazy().sink_csv(path, line_terminator="\r\n", datetime_format="%Y-%m-%dT%H:%M:%S%.f")
