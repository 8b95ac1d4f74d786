"""The wheel for tests: built as a maintainer does, and installed alone, beside the packages of the tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from gateway.install.compression import ENDINGS
from gateway.install.place import PAGE_RECORD, Installation
from gateway.page.tree import digest
from gateway.platforms import system
from tests.kit.platforms import link

ROOT = Path(__file__).resolve().parents[2]
PAGE = "mooring/parts/page"


def build(folder: Path, *, kind: str = "wheel", root: Path = ROOT) -> Path:
    """Build the wheel, or the `sdist`, of the sources at `root`."""
    words = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(words, cwd=root, check=True, capture_output=True)
    (built,) = (path for path in folder.iterdir() if path.name.endswith((".whl", ".tar.gz")))
    return built


def unpack_sdist(sdist: Path, folder: Path) -> Path:
    """Unpack the sources, and lend them what set-up would fetch and make; return their folder.

    All of it is found by digests of what it was made from, so sources that differ find nothing of it.
    """
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    root = folder / sdist.name.removesuffix(".tar.gz")
    ours, theirs = Installation(ROOT), Installation(root)
    link(theirs.venv, ours.venv)
    shutil.copytree(ours.vendor, theirs.vendor)
    for name in ("builds", "snapshots"):
        shutil.copytree(ours.state / name, theirs.state / name)
    return root


@dataclass(frozen=True)
class Installed:
    """A home folder with an environment in which a wheel is installed, for a user who has no Node and no settings."""

    home: Path

    @classmethod
    def make(cls, home: Path, wheel: Path) -> Installed:
        """Make the environment; no registry is asked, since the tests' packages, pip among them, are lent to it."""
        made = cls(home)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(made._environment)], check=True)
        (made.packages / "of_the_tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
        made.install(wheel)
        return made

    @property
    def command(self) -> str:
        """The path of the command `mooring`."""
        return str(Path(self.python).with_name("mooring"))

    @property
    def python(self) -> str:
        """The path of its interpreter."""
        return str(self._environment / system.VENV_PYTHON)

    @property
    def packages(self) -> Path:
        """The folder of its packages."""
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        ran = subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=True)
        return Path(ran.stdout.strip())

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of its user."""
        gone = ("XDG_", "PYTHON", "MOORING")
        rest = {name: value for name, value in os.environ.items() if not name.startswith(gone)}
        return rest | {"HOME": str(self.home), "PATH": str(Path(self.python).parent)}

    def install(self, wheel: Path) -> None:
        """Install a wheel in the place of the present one."""
        words = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--force-reinstall", str(wheel)]
        subprocess.run([self.python, *words], check=True)

    @property
    def _environment(self) -> Path:
        return self.home / "env"


def another_version(wheel: Path, folder: Path) -> Path:
    """Write a wheel of another version of the page, with one changed file."""
    with zipfile.ZipFile(wheel) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    record = json.loads(contents[f"{PAGE}/{PAGE_RECORD}"])
    name = "static/js/page.js"
    before = record["build"]["files"][name]
    data = contents.pop(f"{PAGE}/files/{before}") + b"\n// of another version\n"
    for coding in ENDINGS.values():
        del contents[f"{PAGE}/files/{before}-{coding}"]
    record["build"] = {
        "key": digest(record["build"]["key"].encode()),
        "files": record["build"]["files"] | {name: digest(data)},
    }
    contents[f"{PAGE}/files/{digest(data)}"] = data
    contents[f"{PAGE}/{PAGE_RECORD}"] = json.dumps(record).encode()
    folder.mkdir()
    with zipfile.ZipFile(folder / wheel.name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in contents.items():
            archive.writestr(path, content)
    return folder / wheel.name
