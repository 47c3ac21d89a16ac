"""Parameters that are clients of the blob SDK, made by Microsoft's binding extension."""

import logging
import uuid

import pytest
from azure.storage.blob import BlobServiceClient

from funchost.testing import StartFunctionHost
from tests.integration.funchost.conftest import APPS, wait_until


def test_blob_parameters_of_sdk_types_reach_the_blob_themselves(
    function_host: StartFunctionHost, azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    prefix = f"t{uuid.uuid4().hex[:12]}"
    with BlobServiceClient.from_connection_string(azurite) as service:
        notes = service.create_container(f"{prefix}-notes")
        notes.upload_blob("a", "grüß")
        caplog.set_level(logging.INFO)
        host = function_host(APPS / "blob_clients", {"AzureWebJobsStorage": azurite, "PREFIX": prefix})
        copy = service.get_blob_client(f"{prefix}-copies", "a")
        wait_until(copy.exists)
        assert copy.download_blob(encoding="utf-8").readall() == f"{prefix}-notes/a: grüß"
        assert host.call("copy_note", f"{prefix}-notes/a") == f"{prefix}-notes/a: grüß"
        assert host.get("/client/a").text == host.get("/client/a").text  # one client for all calls
        assert host.get("/client/other").text.endswith(" False")
        assert [host.get("/stream/a").body.decode() for _ in range(2)] == ["grüß", "grüß"]
        assert host.get("/stream/other").status == 500
        assert host.get("/container").text == "a"
    assert host.get("/unset").status == 500
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert "Calls of function unset will fail: Error: The connection setting NOT_SET is not set" in told
    assert "Function stray is left out: funchost does not support SDK type BlobClient" in told
