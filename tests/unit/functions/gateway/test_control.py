import stat
from pathlib import Path

import pytest

from functions.gateway.control import FILE, ControlSecret
from functions.gateway.errors import NotTheEdge


async def test_the_secret_is_made_once_for_its_owner_alone_and_shared_by_file(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    made = await ControlSecret(folder).open()
    assert len(made) >= 32
    assert await ControlSecret(folder).open() == made == (folder / FILE).read_bytes()
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [FILE]


async def test_only_the_secret_itself_passes(tmp_path: Path) -> None:
    control = ControlSecret(tmp_path)
    secret = (await control.open()).decode()
    await control.check(secret)
    for wrong in (None, "", secret[:-1], secret + "x", secret.upper(), "é"):
        with pytest.raises(NotTheEdge):
            await control.check(wrong)


async def test_an_empty_file_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"")
    with pytest.raises(OSError, match="too short"):
        await ControlSecret(tmp_path).check("")
