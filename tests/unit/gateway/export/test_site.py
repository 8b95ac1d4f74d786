"""The static site as files: everything a page loads, compressed, and earlier builds for open windows."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from gateway.export.site import BUILDS, write_site
from gateway.install.builds import KEPT

FILES = {
    "index.html": '<html lang="en"><link rel="stylesheet" href="static/css/a.css"><!-- boot -->'
    '<script type="module" src="static/js/grid.js"></script>',
    "pyscript.toml": "",
    "app/main.py": "x = 1",
    "static/css/a.css": "a {}\n",
    "static/js/grid.js": "let a;" * 50,
    "static/icon.png": "png",
}


@pytest.fixture
def small_clone(tmp_path: Path) -> Path:
    """Return a small repository."""
    root = tmp_path / "clone"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def builds_in(folder: Path) -> set[str]:
    return {path.name for path in (folder / BUILDS).iterdir()}


def test_files_are_written_with_their_compressed_forms(small_clone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "site"
    site = write_site(small_clone, folder)
    script = folder / BUILDS / site.build / "static/js/grid.js"
    assert script.read_text() == FILES["static/js/grid.js"]
    assert gzip.decompress(script.with_name("grid.js.gz").read_bytes()) == script.read_bytes()
    assert not script.with_name("icon.png.gz").exists()
    assert not (folder / "index.html").exists(), "it is the gateways'"
    assert not list(folder.rglob("*.new"))


def test_recent_builds_are_kept_and_old_ones_deleted(small_clone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    written = []
    for number in range(KEPT + 1):
        (small_clone / "static/js/grid.js").write_text(f"let version = {number};")
        written.append(write_site(small_clone, folder).build)
    assert builds_in(folder) == set(written[1:])
    assert write_site(small_clone, folder).build == written[-1], "the same once more is no other build"
    assert builds_in(folder) == set(written[1:])
