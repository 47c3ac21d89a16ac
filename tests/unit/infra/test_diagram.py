import pytest

from infra.checks.manifests import environment
from infra.diagram import README, diagram, with_diagram


def test_the_readmes_diagram_is_that_of_the_manifests() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_diagram(text, diagram(environment("prod"))) == text, "python -m infra.diagram draws it anew"


def test_a_readme_without_a_place_for_it_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        with_diagram("# nothing", "diagram")
