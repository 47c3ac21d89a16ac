import logging
import stat
from pathlib import Path

import pytest

from functions.identity.keys.private import FileKeys


async def test_a_key_is_kept_for_its_owner_alone_found_again_and_deleted(tmp_path: Path) -> None:
    keys = FileKeys(tmp_path / "signing")
    await keys.save("20300101-ab", {"kty": "EC", "d": "x"})
    assert await keys.load("20300101-ab") == {"kty": "EC", "d": "x"}
    [file] = (tmp_path / "signing").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await keys.delete("20300101-ab")
    await keys.delete("20300101-ab")
    assert await keys.load("20300101-ab") is None


async def test_a_key_that_others_could_read_is_closed_to_them_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = FileKeys(tmp_path)
    await keys.save("20300101-ab", {"d": "private part"})
    (tmp_path / "20300101-ab.jwk").chmod(0o644)
    with caplog.at_level(logging.ERROR):
        assert await keys.load("20300101-ab") == {"d": "private part"}
    assert stat.S_IMODE((tmp_path / "20300101-ab.jwk").stat().st_mode) == 0o600
    assert "20300101-ab" in caplog.text
    assert "private part" not in caplog.text


async def test_a_link_that_lies_where_a_key_is_to_be_is_replaced_and_not_followed(tmp_path: Path) -> None:
    keys, elsewhere = FileKeys(tmp_path / "signing"), tmp_path / "elsewhere"
    (tmp_path / "signing").mkdir()
    (tmp_path / "signing" / "a.jwk").symlink_to(elsewhere)
    await keys.save("a", {"d": "x"})
    assert not elsewhere.exists()
    assert not (tmp_path / "signing" / "a.jwk").is_symlink()


@pytest.mark.parametrize("kid", ["", "..", "../a", "a/b", "a\0", "a.jwk", "a" * 65, "a\n", "ä"])
async def test_an_id_that_is_none_of_ours_leads_to_no_file(tmp_path: Path, kid: str) -> None:
    keys = FileKeys(tmp_path)
    for call in (keys.load, keys.delete, lambda kid: keys.save(kid, {})):
        with pytest.raises(ValueError, match="not a key id"):
            await call(kid)
