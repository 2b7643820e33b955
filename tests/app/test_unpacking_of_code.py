"""The user's code comes into a pod from a mounted folder or from a zip file anywhere."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from modelrun.unpack import main, unpack


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A ConfigMap as the kubelet mounts it: visible links into a hidden folder."""
    folder = tmp_path / "mounted"
    hidden = folder / "..2026_03_01"
    hidden.mkdir(parents=True)
    (hidden / "decay.py").write_text("x = 1")
    (folder / "..data").symlink_to(hidden.name)
    (folder / "decay.py").symlink_to("..data/decay.py")
    return folder


def archive(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as opened:
        for name, text in members.items():
            opened.writestr(name, text)
    return path


def test_files_of_a_mounted_folder_are_copied_without_what_is_hidden(mounted, tmp_path):
    target = tmp_path / "code"
    target.mkdir()
    assert unpack(str(mounted), target) == ["decay.py"]
    assert (target / "decay.py").read_text() == "x = 1"
    assert not (target / "decay.py").is_symlink()


def test_a_packed_archive_among_the_files_is_unpacked(mounted, tmp_path):
    archive(mounted / "code.zip", {"own/__init__.py": "", "own/a.py": "y = 2"})
    target = tmp_path / "code"
    target.mkdir()
    assert unpack(str(mounted), target) == ["decay.py", "own"]
    assert (target / "own/a.py").read_text() == "y = 2"


def test_an_archive_at_an_address_is_fetched(tmp_path):
    target = tmp_path / "code"
    target.mkdir()
    packed = archive(tmp_path / "a.zip", {"a.py": "z = 3"})
    assert unpack(f"file://{packed}", target) == ["a.py"]


def test_nothing_leaves_the_folder(tmp_path):
    target = tmp_path / "code"
    target.mkdir()
    packed = archive(tmp_path / "a.zip", {"../outside.py": "1", "/etc/own.py": "2"})
    unpack(f"file://{packed}", target)
    assert not (tmp_path / "outside.py").exists()
    assert {p.name for p in target.rglob("*.py")} == {"outside.py", "own.py"}


def test_what_is_no_code_ends_with_a_sentence(tmp_path, capsys):
    (tmp_path / "a.zip").write_text("no zip")
    assert main([f"file://{tmp_path}/a.zip", str(tmp_path)]) == 2
    assert "is not a zip file" in capsys.readouterr().err
    assert main([f"file://{tmp_path}/missing.zip", str(tmp_path)]) == 2
    assert main([]) == 2
