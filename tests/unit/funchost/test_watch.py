from pathlib import Path

from funchost.watch import snapshot


def _write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def test_sources_and_settings_are_watched_and_what_the_host_writes_is_not(tmp_path: Path) -> None:
    _write(tmp_path, "function_app.py", "host.json", "deep/er/module.py", "notes.txt", "data.db")
    _write(tmp_path, ".funchost/keys.json", ".venv/lib/x.py", "__pycache__/a.py", "node_modules/a.json")
    assert {Path(p).relative_to(tmp_path).as_posix() for p in snapshot(tmp_path)} == {
        "function_app.py",
        "host.json",
        "deep/er/module.py",
    }


def test_a_changed_a_new_and_a_removed_file_are_changes(tmp_path: Path) -> None:
    _write(tmp_path, "a.py", "b.py")
    seen = [snapshot(tmp_path)]
    (tmp_path / "a.py").write_text("longer")
    seen.append(snapshot(tmp_path))
    _write(tmp_path, "c.py")
    seen.append(snapshot(tmp_path))
    (tmp_path / "b.py").unlink()
    seen.append(snapshot(tmp_path))
    assert len({str(sorted(files.items())) for files in seen}) == 4
