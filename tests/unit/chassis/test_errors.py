from chassis.errors import DependencyUnavailable, NotFound, PlatformError, RemoteError, can_retry


class SchemaNotFound(NotFound):
    code = "metadata.schema-not-found"


def test_a_problem_has_a_stable_type_and_the_trace_id() -> None:
    body = SchemaNotFound("no schema is called x", name="x").problem("ab" * 16)
    assert body == {
        "type": "urn:problem:metadata:schema-not-found",
        "title": "Not found",
        "status": 404,
        "detail": "no schema is called x",
        "traceId": "ab" * 16,
        "name": "x",
    }


def test_an_extension_can_not_replace_a_standard_member() -> None:
    assert PlatformError("d", status=200, type="x").problem()["status"] == 500


def test_a_remote_client_error_keeps_its_status_type_and_extensions() -> None:
    remote = RemoteError("metadata", 422, {"type": "urn:x", "title": "t", "detail": "d", "rows": [1], "traceId": "z"})
    assert remote.problem()["status"] == 422
    assert remote.problem()["type"] == "urn:x"
    assert remote.problem()["rows"] == [1]
    assert "traceId" not in remote.problem()


def test_a_remote_server_error_is_a_bad_gateway() -> None:
    assert RemoteError("metadata", 500, {}).http_status == 502


def test_only_passing_failures_can_be_retried() -> None:
    assert can_retry(DependencyUnavailable())
    assert can_retry(RemoteError("x", 503, {}))
    assert not can_retry(RemoteError("x", 500, {}))
    assert not can_retry(NotFound())
    assert not can_retry(ValueError())
