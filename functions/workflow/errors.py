"""The workflow service's typed errors."""

from chassis.errors import Conflict, InvalidInput, NotFound, PayloadTooLarge, Unprocessable


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
