import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funchost.errors import HostError
from funchost.jsonc import read_object, strip_comments

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_JSON)
def test_plain_json_keeps_its_meaning(value: object) -> None:
    assert json.loads(strip_comments(json.dumps(value, indent=1))) == value


@given(_JSON, st.sampled_from([' // a "note"\n', ' /* a, "note" */ ', "\n/* two\nlines */"]))
def test_comments_around_a_value_change_nothing(value: object, comment: str) -> None:
    text = f'{comment}{{{comment}"a"{comment}:{comment}{json.dumps(value)}{comment},{comment}}}{comment}'
    assert json.loads(strip_comments(text)) == {"a": value}


def test_comment_signs_inside_strings_stay() -> None:
    assert json.loads(strip_comments('{"url": "http://x/*y*/", "b": ",}"}')) == {"url": "http://x/*y*/", "b": ",}"}


def test_a_mistake_is_told_with_the_line_it_has_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    path.write_text('{ // one\n /* two\n three */ "version" "2.0" }')
    with pytest.raises(HostError) as caught:
        read_object(path)
    assert f"{path}:3:" in caught.value.where


def test_a_file_that_holds_no_object_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    path.write_text("[]")
    with pytest.raises(HostError, match="must hold a JSON object"):
        read_object(path)
