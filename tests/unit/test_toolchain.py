"""The sources of browsers, nginx and fonts for the tests: the machine, Playwright, or Debian packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.platforms import system
from tests import toolchain
from tests.kit.platforms import put_program

PACKAGES = ["chromium", toolchain.SHELL, *" ".join(need.packages for need in toolchain.NEEDS).split()]
FONTS = [need.font for need in toolchain.NEEDS if need.font]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Simulate a machine without any of these, used by root, and return the folder of its programs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv(toolchain.VARIABLE, raising=False)
    monkeypatch.setattr(toolchain, "ELSEWHERE", ())
    monkeypatch.setattr(toolchain, "PREFIX", tmp_path)
    monkeypatch.setattr(toolchain, "SERVERS", ())
    monkeypatch.setattr(toolchain, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(system, "is_root", lambda: True)
    return programs


@pytest.fixture
def no_playwright(tmp_path: Path) -> Path:
    """Return a Python whose Playwright has no browser and cannot download one."""
    return put(tmp_path, "python", "exit 1")


def put(folder: Path, name: str, script: str) -> Path:
    """A small program."""
    program = folder / name
    put_program(program, f"#!/bin/sh\n{script}\n")
    return program


def browser(folder: Path, name: str) -> Path:
    """A program that says that it is a Chromium."""
    return put(folder, name, "echo Chromium 1.0")


def installer(folder: Path, name: str, place: Path, then: str = "exit 0") -> Path:
    """A program that puts a browser at a place."""
    made = f"printf '#!/bin/sh\\necho Chromium 2.0\\n' > {place}; /bin/chmod 755 {place}"
    return put(folder, name, f'case "$*" in *install*) {made};; esac\n{then}')


def fonts(folder: Path, *families: str) -> None:
    """Write a program that lists these fonts."""
    put(folder, "fc-list", "\n".join(f"echo '{family}'" for family in families))


def webkit(folder: Path) -> None:
    """Put in place what a WebKit needs."""
    for name in ("WebKitWebDriver", "Xvfb"):
        put(folder, name, "exit 0")
    for place in ("lib/python3/dist-packages/gi/__init__.py", "lib/any/girepository-1.0/WebKit2-4.1.typelib"):
        (folder.parent / place).parent.mkdir(parents=True)
        (folder.parent / place).touch()


def debian(folder: Path, *known: str) -> Path:
    """Write an apt that knows these packages, and return the file with a log of its calls."""
    calls = folder.parent / "calls"
    policy = toolchain.POLICY
    put(folder, "apt-cache", "\n".join(f"echo 'Package: {package}'" for package in known))
    logged = f'echo "$*" >> {calls}'
    fetched = [logged, 'case "$*" in update*) exit 0;; esac', f"test -x {policy} && echo no services >> {calls}"]
    if "chromium" in known:
        fetched.append(
            f"printf '#!/bin/sh\\necho Chromium 2.0\\n' > {folder}/chromium; /bin/chmod 755 {folder}/chromium"
        )
    put(folder, "apt-get", "\n".join(fetched))
    return calls


def test_named_browser_comes_first(machine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    browser(machine, "chromium")
    mine = browser(tmp_path, "mine")
    monkeypatch.setenv(toolchain.VARIABLE, str(mine))
    assert toolchain.chromium(Path("/nowhere")) == mine
    monkeypatch.setenv(toolchain.VARIABLE, str(tmp_path / "missing"))
    with pytest.raises(toolchain.ToolchainError, match="does not start"):
        toolchain.chromium(Path("/nowhere"))


def test_installed_browser_is_used_before_any_download(machine: Path) -> None:
    own = browser(machine, "chromium")
    assert toolchain.chromium(Path("/nowhere")) == own


def test_message_to_install_something_is_no_browser(machine: Path, tmp_path: Path) -> None:
    put(machine, "chromium", "echo install it first")
    place = tmp_path / "playwrights"
    python = installer(tmp_path, "python", place, f"echo {place}")
    assert toolchain.chromium(python) == place


def test_root_installs_all_packages_with_one_call(machine: Path, no_playwright: Path) -> None:
    calls = debian(machine, *PACKAGES)
    assert toolchain.equip(no_playwright) == machine / "chromium"
    (install,) = [line for line in calls.read_text().splitlines() if line.startswith("install")]
    assert install.split()[-len(PACKAGES) :] == PACKAGES


def test_headless_shell_is_installed_beside_a_chromium(machine: Path) -> None:
    own = browser(machine, "chromium")
    for name in ("firefox-esr", "nginx", "caddy"):
        put(machine, name, "exit 0")
    webkit(machine)
    fonts(machine, *FONTS)
    calls = debian(machine, toolchain.SHELL)
    assert toolchain.equip(Path("/nowhere")) == own
    (install,) = [line for line in calls.read_text().splitlines() if line.startswith("install")]
    assert install.split()[-1] == toolchain.SHELL


def test_no_service_starts_with_its_package(machine: Path, no_playwright: Path) -> None:
    calls = debian(machine, *PACKAGES)
    toolchain.equip(no_playwright)
    assert "no services" in calls.read_text()
    assert not toolchain.POLICY.exists()


def test_policy_of_the_machine_is_left_alone(machine: Path, no_playwright: Path) -> None:
    toolchain.POLICY.write_text("mine", "utf-8")
    debian(machine, *PACKAGES)
    toolchain.equip(no_playwright)
    assert toolchain.POLICY.read_text("utf-8") == "mine"


def test_unknown_package_does_not_block_others(machine: Path, no_playwright: Path) -> None:
    calls = debian(machine, "chromium", "nginx")
    toolchain.equip(no_playwright)
    assert calls.read_text().splitlines()[1].endswith(" chromium nginx")


def test_complete_machine_is_left_alone(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = browser(machine, "chromium")
    for name in (toolchain.SHELL, "firefox-esr", "nginx", "caddy"):
        put(machine, name, "exit 0")
    webkit(machine)
    fonts(machine, *FONTS)
    calls = debian(machine, *PACKAGES)
    assert toolchain.equip(Path("/nowhere")) == own
    assert not calls.exists()
    assert capsys.readouterr().out == ""


def test_skipped_tests_are_named_in_one_line_without_root(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(system, "is_root", lambda: False)
    browser(machine, "chromium")
    put(machine, "nginx", "exit 0")
    put(machine, "caddy", "exit 0")
    put(machine, "WebKitWebDriver", "exit 0")  # without the window that it drives
    fonts(machine, "DejaVu Sans,DejaVu Sans Condensed", "Liberation Sans", "Noto Sans CJK SC")
    calls = debian(machine, *PACKAGES)
    toolchain.equip(Path("/nowhere"))
    assert capsys.readouterr().out == (
        "Skipped are Firefox in test_engines.py (needs Firefox); WebKit in test_engines.py (needs WebKit)."
        " On Debian they run after: sudo apt-get install firefox-esr"
        " webkit2gtk-driver gir1.2-webkit2-4.1 python3-gi xvfb\n"
    )
    assert not calls.exists()


def test_playwrights_browser_is_used_if_debian_has_none(machine: Path, tmp_path: Path) -> None:
    place = tmp_path / "playwrights"
    python = installer(tmp_path, "python", place, f"test -e {place} && echo {place}")
    debian(machine, "nginx")
    assert toolchain.equip(python) == place


def test_missing_chromium_error_says_what_to_do(machine: Path, no_playwright: Path) -> None:
    with pytest.raises(toolchain.ToolchainError, match="sudo apt install chromium"):
        toolchain.equip(no_playwright)
