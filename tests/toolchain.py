"""The programs and fonts that the tests need: find or install them.

    browser = equip(python)     # the Chromium's path; ToolchainError says in one sentence what to do

As root, Debian packages are installed with one call of apt-get. Anything still missing is named in one line, with the
tests that are skipped without it. Standard library only: it runs before and outside of `.venv`, and gets the path of
its Python.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.platforms import system

VARIABLE = "MOORING_CHROMIUM"
SHELL = "chromium-headless-shell"  # a Chromium without a window, which needs less processor time
ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ELSEWHERE = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
)
ASK_PLAYWRIGHT = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""
PREFIX = Path("/usr")
SERVERS = ("/usr/sbin", "/usr/local/sbin")  # not on everyone's PATH
POLICY = Path("/usr/sbin/policy-rc.d")  # Debian asks it before a package starts its service
VERSION_SECONDS = 60.0  # for a first start from a cold disk on busy cores
SILENT_SECONDS = 60.0  # a download without output for so long is stuck, as behind some firewalls
APT_SECONDS = 900.0


class ToolchainError(Exception):
    """No Chromium; the text is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Need:
    """A requirement of some tests: one of several programs, or a font family, and files."""

    name: str
    packages: str  # the Debian packages
    skipped: str  # the tests that are skipped without it
    programs: tuple[str, ...] = ()
    font: str = ""
    files: tuple[str, ...] = ()  # patterns below `PREFIX`, each of which must match


NEEDS = (
    Need("fc-list", "fontconfig", "the layout in other fonts", programs=("fc-list",)),
    Need("Firefox", "firefox-esr", "Firefox in test_engines.py", programs=("firefox-esr", "firefox")),
    Need(
        "WebKit",
        "webkit2gtk-driver gir1.2-webkit2-4.1 python3-gi xvfb",
        "WebKit in test_engines.py",
        programs=("WebKitWebDriver",),
        files=("bin/Xvfb", "lib/python3/dist-packages/gi/__init__.py", "lib/*/girepository-1.0/WebKit2-4.1.typelib"),
    ),
    Need("nginx", "nginx", "test_nginx.py and test_nginx_people.py", programs=("nginx",)),
    Need("Caddy", "caddy", "tests/integration/test_caddy.py", programs=("caddy",)),
    Need("DejaVu Sans", "fonts-dejavu-core", "the layout in a wide font", font="DejaVu Sans"),
    Need("Liberation Sans", "fonts-liberation", "the layout in a narrow font", font="Liberation Sans"),
    Need("Noto Sans CJK", "fonts-noto-cjk", "the layout in a Chinese font", font="Noto Sans CJK SC"),
)


def equip(python: Path) -> Path:
    """Install missing packages if allowed, report what is still missing, and return a Chromium that starts."""
    if can_use_apt():
        wanted = [*browsers(python), *(package for need in missing() for package in need.packages.split())]
        if wanted:
            install(wanted)
    browser = chromium(python)
    if left := missing():
        skipped = "; ".join(f"{need.skipped} (needs {need.name})" for need in left)
        packages = " ".join(need.packages for need in left)
        print(f"Skipped are {skipped}. On Debian they run after: sudo apt-get install {packages}", flush=True)
    return browser


def browsers(python: Path) -> list[str]:
    """Return the packages that a machine without a Chromium needs, or without the shell of Debian's Chromium."""
    if os.environ.get(VARIABLE):
        return []
    found = on_this_machine() or of_playwright(python)
    if found is None:
        return ["chromium", SHELL]
    return [SHELL] if found.name == "chromium" and not shutil.which(SHELL) else []


def missing() -> list[Need]:
    """Return the requirements that this machine does not meet."""
    fonts = families()
    path = os.pathsep.join([os.environ.get("PATH", ""), *SERVERS])
    return [
        need
        for need in NEEDS
        if not (need.font in fonts if need.font else any(shutil.which(name, path=path) for name in need.programs))
        or not all(any(PREFIX.glob(pattern)) for pattern in need.files)
    ]


def families() -> set[str]:
    """Return the font families of this machine; none if fontconfig is missing."""
    listed = _output(["fc-list", ":", "family"])
    return {name.strip() for line in listed.splitlines() for name in line.split(",")}


def chromium(python: Path) -> Path:
    """Return a Chromium that starts: the one named, the machine's, or Playwright's, in this order."""
    named = os.environ.get(VARIABLE)
    if named:
        if not works(Path(named)):
            raise ToolchainError(f"{VARIABLE} names {named}, which does not start: name another or unset it.")
        return Path(named)
    found = on_this_machine() or of_playwright(python) or _downloaded(python)
    if found is None:
        raise ToolchainError(
            "No Chromium was found and none could be installed: install one (for example: sudo apt install chromium),"
            f" or name its program in {VARIABLE}, then run the same command again."
        )
    return found


def on_this_machine() -> Path | None:
    """Return an installed Chromium or Chrome that starts."""
    places = [*(shutil.which(name) for name in ON_PATH), *ELSEWHERE]
    return next((Path(place) for place in places if place and works(Path(place))), None)


def of_playwright(python: Path) -> Path | None:
    """Return the Chromium in Playwright's own cache, if it has been downloaded."""
    path = Path(_output([str(python), "-c", ASK_PLAYWRIGHT]).strip() or "missing")
    return path if works(path) else None


def works(program: Path) -> bool:
    """Return whether `program` is a Chromium that starts; Ubuntu's may only print how to install it."""
    if not program.is_file():
        return False
    # On Windows it would open a window instead of printing its version.
    return sys.platform == "win32" or "Chrom" in _output([str(program), "--version"])


def can_use_apt() -> bool:
    """Return whether Debian packages can be installed, which needs root."""
    return shutil.which("apt-get") is not None and system.is_root()


def install(packages: Sequence[str]) -> None:
    """Install the Debian packages that are available, without starting services."""
    print(f"Installing with apt-get: {', '.join(packages)} …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # The package lists may be missing or old, so update them first. Without a network that fails, but a package may
    # still be available.
    _ends_well(["apt-get", "update", "-q"], environment)
    # An unknown name keeps apt-get from installing the others: Ubuntu has no firefox-esr.
    shown = _output(["apt-cache", "show", "--no-all-versions", *packages])
    known = re.findall(r"^Package: (\S+)$", shown, re.MULTILINE)
    with _services_off():
        if not _ends_well(["apt-get", "install", "-y", "-q", "--no-install-recommends", *known], environment):
            print("apt-get could not install all of them.", flush=True)
    if "nginx" in known and shutil.which("update-rc.d"):
        _ends_well(["update-rc.d", "nginx", "disable"], environment)
    if "caddy" in known and shutil.which("systemctl"):
        _ends_well(["systemctl", "disable", "caddy"], environment)


@contextlib.contextmanager
def _services_off() -> Iterator[None]:
    """Keep packages from starting services: the tests start their own, and need none on port 80."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", "utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _downloaded(python: Path) -> Path | None:
    print("No Chromium on this machine: asking Playwright for its own …", flush=True)
    command = [str(python), "-m", "playwright", "install", "chromium"]
    if not _run_unless_silent(command, SILENT_SECONDS):
        print("Playwright could not download it.", flush=True)
        return None
    return of_playwright(python)


def _ends_well(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    try:
        ended = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=APT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


def _output(command: Sequence[str]) -> str:
    """Return what `command` prints, or nothing if it fails."""
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            timeout=VERSION_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return ended.stdout


def _run_unless_silent(command: Sequence[str], seconds: float) -> bool:
    """Run `command`; end it with its children once it has printed nothing for `seconds`."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **system.OWN_GROUP,
    )
    try:
        for _ in _until_silent(process, seconds):
            continue
    except queue.Empty:
        return False
    finally:
        _end(process)
    return process.returncode == 0


def _until_silent(process: subprocess.Popen[bytes], seconds: float) -> Iterator[bytes]:
    printed: queue.Queue[bytes] = queue.Queue()
    out = process.stdout
    assert out is not None

    def read() -> None:
        with out:
            while piece := os.read(out.fileno(), 4096):
                printed.put(piece)
        printed.put(b"")

    threading.Thread(target=read, daemon=True).start()
    while piece := printed.get(timeout=seconds):
        yield piece


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        try:
            process.wait(1.0)  # its output has ended, so usually the process has too
        except subprocess.TimeoutExpired:
            system.kill_group(process)
            process.wait()
