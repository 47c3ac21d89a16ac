"""Where things are: endpoints, external resources, catalogs."""

from typing import Annotated

from pydantic import Tag

from durable.workflow.dsl.authentication import AuthenticationOrName
from durable.workflow.dsl.base import DslModel, text_or_object
from durable.workflow.dsl.texts import UriOrExpression


class EndpointConfiguration(DslModel):
    """An address and how to authenticate there."""

    uri: UriOrExpression
    authentication: AuthenticationOrName | None = None


Endpoint = Annotated[
    Annotated[EndpointConfiguration, Tag("as:object")] | Annotated[UriOrExpression, Tag("as:text")],
    text_or_object("an endpoint"),
]


class ExternalResource(DslModel):
    """A document that lies elsewhere."""

    name: str | None = None
    endpoint: Endpoint


class Catalog(DslModel):
    """A catalog of functions: the root of its files."""

    endpoint: Endpoint


def uri_of(endpoint: EndpointConfiguration | str) -> str:
    """The endpoint's address: a URI, a template of one, or a runtime expression."""
    return endpoint if isinstance(endpoint, str) else endpoint.uri
