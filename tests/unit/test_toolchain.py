"""Where the end-to-end tests get their Chromium from: the one named, the machine's, Playwright's, Debian's."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests import toolchain

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs here are shell scripts")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any browser; the folder of its programs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv(toolchain.VARIABLE, raising=False)
    monkeypatch.setattr(toolchain, "ELSEWHERE", ())
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return programs


def put(folder: Path, name: str, script: str) -> Path:
    """A small program."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    program.chmod(0o755)
    return program


def browser(folder: Path, name: str) -> Path:
    """A program that says that it is a Chromium."""
    return put(folder, name, "echo Chromium 1.0")


def installer(folder: Path, name: str, place: Path, then: str = "exit 0") -> Path:
    """A program that puts a browser at a place."""
    made = f"printf '#!/bin/sh\\necho Chromium 2.0\\n' > {place}; /bin/chmod 755 {place}"
    return put(folder, name, f'case "$*" in *install*) {made};; esac\n{then}')


def test_the_one_that_is_named_comes_first(machine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    browser(machine, "chromium")
    mine = browser(tmp_path, "mine")
    monkeypatch.setenv(toolchain.VARIABLE, str(mine))
    assert toolchain.chromium(Path("/nowhere")) == mine
    monkeypatch.setenv(toolchain.VARIABLE, str(tmp_path / "missing"))
    with pytest.raises(toolchain.ToolchainError, match="does not start"):
        toolchain.chromium(Path("/nowhere"))


def test_the_machines_own_is_taken_before_anything_is_fetched(machine: Path) -> None:
    own = browser(machine, "chromium")
    assert toolchain.chromium(Path("/nowhere")) == own


def test_a_hint_to_install_something_is_no_browser(machine: Path, tmp_path: Path) -> None:
    put(machine, "chromium", "echo install it first")
    place = tmp_path / "playwrights"
    python = installer(tmp_path, "python", place, f"echo {place}")
    assert toolchain.chromium(python) == place


def test_playwrights_is_fetched_where_the_machine_has_none(machine: Path, tmp_path: Path) -> None:
    place = tmp_path / "playwrights"
    python = installer(tmp_path, "python", place, f"echo {place}")
    installer(machine, "apt-get", machine / "chromium")
    assert toolchain.chromium(python) == place
    assert not (machine / "chromium").exists()


def test_debians_is_installed_where_playwright_has_none(machine: Path, tmp_path: Path) -> None:
    python = put(tmp_path, "python", "exit 1")
    installer(machine, "apt-get", machine / "chromium")
    assert toolchain.chromium(python) == machine / "chromium"


def test_only_root_installs_debians(machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    installer(machine, "apt-get", machine / "chromium")
    with pytest.raises(toolchain.ToolchainError, match="install one"):
        toolchain.chromium(put(tmp_path, "python", "exit 1"))


def test_without_any_it_says_what_to_do(machine: Path, tmp_path: Path) -> None:
    with pytest.raises(toolchain.ToolchainError, match="sudo apt install chromium"):
        toolchain.chromium(put(tmp_path, "python", "exit 1"))
