"""What the documents say of roles and clients is what is taken."""

from functions.identity.directory.models import ClientChange, RoleChange

TWICE = ["metadata.read", "metadata.read"]


def test_a_scope_named_twice_is_one_and_the_document_does_not_forbid_it() -> None:
    assert RoleChange.model_validate({"scopes": TWICE}).scopes == {"metadata.read"}
    assert ClientChange.model_validate({"name": "n", "scopes": TWICE}).scopes == {"metadata.read"}
    for model in (RoleChange, ClientChange):
        assert model.model_json_schema()["properties"]["scopes"]["uniqueItems"] is False
