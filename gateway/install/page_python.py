"""The page's Python as files of one build, for the process that draws first screens (`gateway/site/`)."""

from __future__ import annotations

import compileall
import io
import shutil
import tempfile
import zipfile
from pathlib import Path

from gateway.install.place import Installation
from gateway.page.tree import Tree
from gateway.platforms import system

MOST_KEPT = 3
LIBRARIES = "site.zip"
_SOURCE = "static/vendor/python/site.zip"
_DATA = ("static/workflows/", "static/locales/")  # what a drawing reads


class PagePython:
    """The folders in which builds are unpacked: each when it is first needed, and the latest few are kept."""

    def __init__(self, place: Installation) -> None:
        self._folder = place.state / "page-python"

    def unpack(self, tree: Tree, *, is_compiled: bool = False) -> Path:
        """Return the folder of this build; OSError if it cannot be written. `is_compiled` has Python start sooner."""
        target = self._folder / tree.build.key
        if target.exists():
            return target
        self._folder.mkdir(parents=True, exist_ok=True)
        self._drop_old()
        fresh = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            _write(tree, fresh)
            if is_compiled:
                compileall.compile_dir(fresh, quiet=2)
            system.replace(fresh, target)
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)
            if not target.exists():  # else another gateway was first
                raise
        return target

    def _drop_old(self) -> None:
        builds = [path for path in self._folder.iterdir() if path.is_dir()]
        builds.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in builds[MOST_KEPT - 1 :]:
            shutil.rmtree(path, ignore_errors=True)


def is_whole(tree: Tree) -> bool:
    """Whether a tree has the page's Python with its libraries."""
    return _SOURCE in tree.build.files


def _write(tree: Tree, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(tree.archive.data)) as archive:
        archive.extractall(folder)
    for name in tree.build.files:
        if name.startswith(_DATA):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(_read(tree, name))
    (folder / LIBRARIES).write_bytes(_read(tree, _SOURCE))


def _read(tree: Tree, name: str) -> bytes:
    content = tree.contents[tree.build.files[name]]
    return content.read_bytes() if isinstance(content, Path) else content
