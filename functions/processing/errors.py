"""What can go wrong in processing, and how the caller hears of it."""

from chassis.errors import Conflict, InvalidInput, NotFound, Unprocessable


class DatasetNotFound(NotFound):
    """There is no such dataset, or it is another tenant's."""

    code, title = "processing.dataset-not-found", "No such dataset"


class ValidationNotFound(NotFound):
    """There is no such validation, or it is another tenant's."""

    code, title = "processing.validation-not-found", "No such validation"


class JobNotFound(NotFound):
    """There is no such job, or it is another tenant's."""

    code, title = "processing.job-not-found", "No such job"


class BadPageToken(InvalidInput):
    """A page token that no page gave."""

    code, title = "processing.bad-page-token", "There is no such page"


class FormatNotSupported(InvalidInput):
    """A dataset of a format that can't be read."""

    code, title = "processing.format-not-supported", "The format is not supported"


class ResultNotReady(Conflict):
    """The job has not ended, or ended without a result."""

    code, title = "processing.result-not-ready", "There is no result"


class PlanNotReady(Conflict):
    """The job has not been planned yet, or its plan went with it."""

    code, title = "processing.plan-not-ready", "There is no plan"


class RequestContradicts(InvalidInput):
    """Two parts of a request exclude each other."""

    code, title = "processing.request-contradicts", "The request contradicts itself"


class DatasetNotUploaded(Unprocessable):
    """The dataset was created, but no bytes came yet."""

    code, title = "processing.dataset-not-uploaded", "The dataset has no content yet"


class DatasetComplete(Conflict):
    """The dataset has its content, which never changes."""

    code, title = "processing.dataset-complete", "The dataset is complete"


class DatasetUnreadable(Unprocessable):
    """The file is not what it was said to be; the detail names the place."""

    code, title = "processing.dataset-unreadable", "The dataset can't be read"


class SchemaMismatch(Unprocessable):
    """The file's columns are not the schema's."""

    code, title = "processing.schema-mismatch", "The dataset does not fit the schema"


class RecordsInvalid(Unprocessable):
    """More records are invalid than the caller allows; the detail names the first."""

    code, title = "processing.records-invalid", "Records do not fit the schema"


class QueryRefused(Unprocessable):
    """A query that is not a single SELECT over the tables it may read."""

    code, title = "processing.query-refused", "The query is not accepted"


class QueryFailed(Unprocessable):
    """The engine could not bind or run the query; the detail is the engine's."""

    code, title = "processing.query-failed", "The query failed"


class SourceNotUsable(Unprocessable):
    """The validation or the reference data that a job names can't be used."""

    code, title = "processing.source-not-usable", "A source of the job can't be used"


class WorkEnded(Conflict):
    """What has ended can't be cancelled."""

    code, title = "processing.work-ended", "The work has ended"


class WorkExpired(Unprocessable):
    """The work did not end within its time."""

    code, title = "processing.work-expired", "The work took too long"
