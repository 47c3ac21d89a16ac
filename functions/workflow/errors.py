"""The workflow service's typed errors."""

from chassis.errors import Conflict, InvalidInput, NotFound, PayloadTooLarge, PlatformError, Unprocessable


class DefinitionInvalid(InvalidInput):
    """The document is no definition of the DSL; `errors` names each place and reason."""

    code, title = "workflow.definition-invalid", "The workflow definition is not valid"


class DefinitionNotSupported(Unprocessable):
    """The document is a good definition that uses what this runtime does not do."""

    code, title = "workflow.definition-not-supported", "The workflow definition uses what is not supported"


class DefinitionChanged(Conflict):
    """There is another definition under this namespace, name and version; they are immutable."""

    code, title = "workflow.definition-immutable", "The definition's version is taken"


class DefinitionNotFound(NotFound):
    """No such definition for this tenant."""

    code, title = "workflow.definition-not-found", "There is no such workflow definition"


class InstanceNotFound(NotFound):
    """No such instance for this tenant."""

    code, title = "workflow.instance-not-found", "There is no such workflow instance"


class InstanceEnded(Conflict):
    """The instance has ended and can't be steered any more."""

    code, title = "workflow.instance-ended", "The workflow instance has ended"


class InputTooLarge(PayloadTooLarge):
    """The input is larger than what an instance carries."""

    code, title = "workflow.input-too-large", "The input is too large"


class SecretTooLarge(PayloadTooLarge):
    """The secret is larger than what a store takes."""

    code, title = "workflow.secret-too-large", "The secret is too large"


class InputInvalid(Unprocessable):
    """The input does not fit the definition's input schema."""

    code, title = "workflow.input-invalid", "The input does not fit the definition's schema"


class InstanceNotFailed(Conflict):
    """Only an instance that has faulted can be tried again."""

    code, title = "workflow.instance-not-failed", "The workflow instance has not failed"


class InstanceUndone(Conflict):
    """What the instance had made was undone, so that nothing is left to go on from; start another."""

    code, title = "workflow.instance-undone", "The workflow instance was undone"


class InstanceBrokenOff(Conflict):
    """It is not known at which task the instance failed; start another."""

    code, title = "workflow.instance-broken-off", "The workflow instance can't be tried again"


class BadPageToken(InvalidInput):
    """A page token that no page gave."""

    code, title = "workflow.bad-page-token", "The page token is not one of ours"


class EventInvalid(InvalidInput):
    """What was sent is no CloudEvent, or not one that a tenant may send; `errors` names each with its index."""

    code, title = "workflow.event-invalid", "The event is not valid"


class EventMediaTypeUnsupported(PlatformError):
    """The request carries no CloudEvent in a form that is known."""

    code, status, title = "workflow.event-media-type-unsupported", 415, "The media type is not one of a CloudEvent"
