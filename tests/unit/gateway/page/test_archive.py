"""`/app.zip`: equal sources give equal bytes, other sources give another archive."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

from gateway.page.archive import digest_sources, make_archive
from gateway.whole_file import write_whole
from tests.kit.platforms import link


def make_app(root: Path) -> Path:
    (root / "app" / "core").mkdir(parents=True)
    (root / "app" / "__init__.py").write_text("")
    (root / "app" / "core" / "model.py").write_text("x = 1\n")
    (root / "wire").mkdir()
    (root / "wire" / "__init__.py").write_text("")
    (root / "gateway").mkdir()
    (root / "gateway" / "__init__.py").write_text("not for the page")
    (root / "app" / "notes.txt").write_text("not for the page")
    (root / "app" / "core" / "__pycache__").mkdir()
    (root / "app" / "core" / "__pycache__" / "model.cpython-311.pyc").write_bytes(b"x")
    return root


def names(data: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(data)).namelist()


def test_archive_has_python_sources_only(tmp_path: Path) -> None:
    archive = make_archive(make_app(tmp_path))
    assert names(archive.data) == ["app/__init__.py", "app/core/model.py", "wire/__init__.py"]


def test_equal_sources_give_equal_bytes(tmp_path: Path) -> None:
    one = make_archive(make_app(tmp_path / "one"))
    (tmp_path / "two").mkdir()
    other_root = make_app(tmp_path / "two" / "deeper")
    for path in other_root.rglob("*.py"):
        write_whole(path, path.read_bytes())  # with another mode
        os.utime(path, (0, 0))
    assert make_archive(other_root) == one


def test_a_link_out_of_the_package_is_left_out(tmp_path: Path) -> None:
    make_app(tmp_path)
    (tmp_path / "secret.py").write_text("secret")
    link(tmp_path / "app" / "link.py", tmp_path / "secret.py")
    assert "app/link.py" not in names(make_archive(tmp_path).data)


def test_digest_depends_on_names_and_contents(tmp_path: Path) -> None:
    first = make_archive(make_app(tmp_path))
    assert first.sources == digest_sources(tmp_path)
    (tmp_path / "wire" / "__init__.py").write_text("y = 1\n")
    assert digest_sources(tmp_path) != first.sources
    (tmp_path / "wire" / "__init__.py").write_text("")
    (tmp_path / "app" / "core" / "model.py").write_text("x = 3\n")
    assert make_archive(tmp_path).sources == digest_sources(tmp_path) != first.sources
    (tmp_path / "app" / "core" / "model.py").write_text("x = 1\n")
    assert digest_sources(tmp_path) == first.sources
    (tmp_path / "app" / "core" / "model.py").unlink()
    assert names(make_archive(tmp_path).data) == ["app/__init__.py", "wire/__init__.py"]
