"""Files are replaced whole, with their bytes as given, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.platforms import system
from gateway.whole_file import PUBLIC, open_as, write_all, write_beside, write_whole
from tests.kit.platforms import has_mode


def test_file_is_replaced_with_the_bytes_and_the_mode_given(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    write_whole(path, b"one\n")
    assert has_mode(path, 0o600)
    write_whole(path, b"two\r\n\x00", PUBLIC)
    assert path.read_bytes() == b"two\r\n\x00" and has_mode(path, 0o644)
    write_whole(path, b"three", like_before=True)
    assert path.read_bytes() == b"three" and has_mode(path, 0o644)
    assert list(tmp_path.iterdir()) == [path]


def test_failed_replacement_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys"
    path.write_bytes(b"old")

    def refuse(*_: Path) -> None:
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(system, "replace", refuse)
    with pytest.raises(PermissionError):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        write_beside(tmp_path / "missing" / "keys", b"new")


def test_lines_are_appended_with_their_ends_as_given(tmp_path: Path) -> None:
    for line in (b"one\n", b"two\n"):
        with open_as(tmp_path / "lines", "a") as file:
            write_all(file, line)
    assert (tmp_path / "lines").read_bytes() == b"one\ntwo\n"
