"""Typed errors of the reporting service."""

from chassis.errors import NotFound, PlatformError, Unprocessable


class ReportNotFound(NotFound):
    """No report has this id in the caller's tenant."""

    code, title = "reporting.report-not-found", "There is no such report"


class FileNotFound(NotFound):
    """The report has no file of this format, not yet or not any more."""

    code, title = "reporting.file-not-found", "There is no such file"


class JobNotUsable(Unprocessable):
    """The processing job is unknown, unfinished or has failed."""

    code, title = "reporting.job-not-usable", "The job has no result to report on"


class UnknownColumn(Unprocessable):
    """The chart or a figure names a column that the result does not have, or that does not fit."""

    code, title = "reporting.unknown-column", "The result has no fitting column of that name"


class TooManyRows(Unprocessable):
    """The result has more rows than the format holds."""

    code, title = "reporting.too-many-rows", "The result does not fit into the format"


class RenderingFailed(PlatformError):
    """The files could not be made; the same request would fail again."""

    code, title = "reporting.rendering-failed", "The report could not be rendered"


class RenderingInterrupted(PlatformError):
    """The rendering process ended early; trying again may help."""

    code, status, retryable = "reporting.rendering-interrupted", 503, True
    title = "The rendering was interrupted"
