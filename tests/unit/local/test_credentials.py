"""Secrets made at first start."""

import stat
from pathlib import Path

import orjson
from argon2 import PasswordHasher

from chassis.manifest import SERVICES, Route, ServiceManifest
from functions.identity.scopes import OPERATOR
from local.credentials import Credentials, demo_scopes, make_credentials, service_scopes
from local.layout import Layout

EDGE = "http://127.0.0.1:8080"
AUDIT_READER = ServiceManifest(service="metadata", layer="platform", calls={"audit": ("audit.read",)})
ROUTED = ServiceManifest(
    service="monitoring",
    layer="infrastructure",
    routes=(Route(path="/monitoring/otlp/v1/traces", methods=("POST",), scope="monitoring.ingest"),),
)


def _make(folder: Path) -> tuple[Layout, Credentials]:
    layout = Layout(folder, folder / "state")
    layout.make()
    return layout, make_credentials(layout, {"metadata": AUDIT_READER, "monitoring": ROUTED}, EDGE)


def test_every_service_gets_a_private_key_that_only_its_owner_can_read(tmp_path: Path) -> None:
    layout, _ = _make(tmp_path)
    files = sorted(layout.keys.iterdir())
    assert [file.stem for file in files] == sorted(SERVICES)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert all("d" in orjson.loads(file.read_bytes()) for file in files)


def test_the_clients_file_holds_public_keys_and_hashes_only(tmp_path: Path) -> None:
    layout, made = _make(tmp_path)
    clients = {client["clientId"]: client for client in orjson.loads(layout.clients_file.read_bytes())}
    assert set(clients) == {"demo", "operator", "console", *(f"svc-{service}" for service in SERVICES)}
    assert all("d" not in (client["jwk"] or {}) for client in clients.values())
    assert made.demo_client.secret.get_secret_value().encode() not in layout.clients_file.read_bytes()
    assert PasswordHasher().verify(clients["demo"]["secretHash"], made.demo_client.secret.get_secret_value())


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    layout, first = _make(tmp_path)
    before = {file: file.read_bytes() for file in layout.state_dir.rglob("*") if file.is_file()}
    _, second = _make(tmp_path)
    assert {file: file.read_bytes() for file in before} == before
    assert first == second


def test_a_clients_file_with_another_secret_s_hash_is_made_anew(tmp_path: Path) -> None:
    layout, _ = _make(tmp_path)
    layout.demo_client_file.unlink()
    _, made = _make(tmp_path)
    clients = {client["clientId"]: client for client in orjson.loads(layout.clients_file.read_bytes())}
    assert PasswordHasher().verify(clients["demo"]["secretHash"], made.demo_client.secret.get_secret_value())


def test_a_service_may_do_what_it_declares_and_send_telemetry() -> None:
    assert service_scopes(AUDIT_READER) == ("audit.read", "monitoring.ingest")
    assert service_scopes(None) == ("monitoring.ingest",)


def test_the_demo_client_may_read_and_write_but_not_ingest_telemetry() -> None:
    scopes = demo_scopes({"monitoring": ROUTED})
    assert {"workflow.write", "audit.read", "notification.send"} <= set(scopes)
    assert "monitoring.ingest" not in scopes


def test_secrets_are_not_in_the_text_of_what_holds_them(tmp_path: Path) -> None:
    _, made = _make(tmp_path)
    assert made.demo_client.secret.get_secret_value() not in repr(made)
    assert made.signalr_key.get_secret_value() not in repr(made)


def test_only_the_operator_may_do_what_is_about_all_tenants(tmp_path: Path) -> None:
    layout, _ = _make(tmp_path)
    clients = {client["clientId"]: client for client in orjson.loads(layout.clients_file.read_bytes())}
    holders = {name for name, client in clients.items() if OPERATOR & set(client["scopes"])}
    assert (holders, clients["operator"]["tenant"]) == ({"operator"}, "platform")
    assert set(clients["operator"]["scopes"]) >= OPERATOR


def test_the_console_is_public_leads_back_to_the_edge_and_has_one_user_whose_password_is_hashed(tmp_path: Path) -> None:
    layout, _ = _make(tmp_path)
    clients = {client["clientId"]: client for client in orjson.loads(layout.clients_file.read_bytes())}
    console = clients["console"]
    assert (console["public"], console["secretHash"]) == (True, None)
    assert console["redirectUris"] == [f"{EDGE}/console/", f"{EDGE}/console/callback"]
    login = orjson.loads(layout.console_login_file.read_bytes())
    (user,) = orjson.loads(layout.users_file.read_bytes())
    assert PasswordHasher().verify(user["secretHash"], login["password"])
    for file in (layout.users_file, layout.console_login_file, layout.operator_client_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
