"""Envoy's bootstrap."""

import stat
from pathlib import Path

import pytest

from local.edge import TEMPLATE, EdgeError, render
from local.layout import Layout


def _render(folder: Path, template: str) -> Path:
    layout = Layout(folder, folder / "state")
    layout.make()
    (folder / TEMPLATE).parent.mkdir(parents=True)
    (folder / TEMPLATE).write_text(template)
    return render(layout, edge_port=1, admin_port=2, gateway_port=3)


def test_the_template_is_filled_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    file = _render(tmp_path, "${EDGE_HOST}:${EDGE_PORT} ${ADMIN_PORT} ${GATEWAY_HOST}:${GATEWAY_PORT} $$")
    assert file.read_text() == "127.0.0.1:1 2 127.0.0.1:3 $"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_unknown_placeholder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="SURPRISE"):
        _render(tmp_path, "${SURPRISE}")
