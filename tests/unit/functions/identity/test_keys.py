import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey

from functions.identity.keys import CURRENT, load_signing_keys


def test_the_first_start_makes_a_key_that_only_its_owner_can_read(tmp_path: Path) -> None:
    keys = load_signing_keys(tmp_path / "signing")
    file = tmp_path / "signing" / CURRENT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == [CURRENT]
    assert keys.current.kid == keys.current.thumbprint()


def test_a_second_start_finds_the_same_key(tmp_path: Path) -> None:
    assert load_signing_keys(tmp_path).current.kid == load_signing_keys(tmp_path).current.kid


def test_first_starts_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: load_signing_keys(tmp_path), range(3)))
    assert len({keys.current.kid for keys in found}) == 1


def test_a_retired_key_is_published_but_does_not_sign(tmp_path: Path) -> None:
    current = load_signing_keys(tmp_path).current.kid
    retired = RSAKey.generate_key(2048, private=True)
    (tmp_path / "retired.jwk").write_text(json.dumps(retired.as_dict(private=True)))
    keys = load_signing_keys(tmp_path)
    assert keys.current.kid == current
    assert [key["kid"] for key in keys.jwks()["keys"]] == [current, retired.thumbprint()]


def test_the_published_set_has_no_private_part(tmp_path: Path) -> None:
    (published,) = load_signing_keys(tmp_path).jwks()["keys"]
    assert published.keys() == {"kty", "n", "e", "kid", "use", "alg"}


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"kty":"oct","k":"AAAA"}'])
def test_a_damaged_key_file_is_refused_and_not_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / CURRENT).write_text(content)
    with pytest.raises(Exception):  # noqa: B017, PT011 - the library names each kind of damage differently
        load_signing_keys(tmp_path)
    assert (tmp_path / CURRENT).read_text() == content
