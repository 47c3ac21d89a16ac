"""The edge's module and bootstrap, as its image has them."""

from pathlib import Path

import pytest

from tests.integration.infra.edge_image import compile_module, render_bootstrap


@pytest.fixture(scope="session")
def edge_module(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The image's module; None where no compiler is at hand."""
    return compile_module(tmp_path_factory.mktemp("module"))


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory, edge_module: Path | None) -> Path:
    """The image's bootstrap, with other paths; the control secret lies beside it."""
    folder = tmp_path_factory.mktemp("edge")
    (folder / "edge-control.secret").write_text("0" * 32)
    return render_bootstrap(folder, edge_module)
