"""The metadata service's typed errors."""

from chassis.errors import InvalidInput, NotFound, PayloadTooLarge, PreconditionFailed, Unprocessable


class NotJson(InvalidInput):
    """The body is not JSON, or not of the agreed form."""

    code, title = "metadata.not-json", "The body can't be read"


class InvalidSchema(Unprocessable):
    """The document is no JSON Schema 2020-12 that this service accepts; `errors` has field and reason."""

    code, title = "metadata.invalid-schema", "The document is not an acceptable JSON Schema"


class SchemaNotFound(NotFound):
    """The tenant has no schema of that name and version."""

    code, title = "metadata.schema-not-found", "No such schema"


class ReferenceDataNotFound(NotFound):
    """The tenant has no such set, or the set no such key."""

    code, title = "metadata.reference-data-not-found", "No such reference data"


class ConfigurationNotFound(NotFound):
    """The tenant has no such configuration key or version."""

    code, title = "metadata.configuration-not-found", "No such configuration"


class DocumentTooLarge(PayloadTooLarge):
    """The document is larger than this service keeps."""

    code, title = "metadata.document-too-large", "The document is too large"


class BatchTooLarge(PayloadTooLarge):
    """More items or bytes in one batch than are validated at once."""

    code, title = "metadata.batch-too-large", "The batch is too large"


class BatchTooCostly(Unprocessable):
    """Validating the batch takes longer than one request may."""

    code, title = "metadata.batch-too-costly", "The batch takes too long to validate"


class ETagMismatch(PreconditionFailed):
    """If-Match names another version than the present one."""

    code = "metadata.etag-mismatch"


class BadPageToken(InvalidInput):
    """`after` is not a token that an earlier page gave."""

    code, title = "metadata.bad-page-token", "The page token is not valid"
