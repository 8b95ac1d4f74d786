"""The Chromium that the end-to-end tests drive: found on this machine, or installed.

    browser = chromium(python)     # a path; ToolchainError says in one sentence what to do

Standard library only: it runs before and outside of `.venv`, whose Python it is given.
"""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

VARIABLE = "MOORING_CHROMIUM"
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
VERSION_SECONDS = 60.0  # a first start from a cold disk, with both cores busy
SILENT_SECONDS = 60.0  # a download that shows nothing for so long is stuck: behind some firewalls it hangs
APT_SECONDS = 900.0


class ToolchainError(Exception):
    """No Chromium; the text is one sentence for the person who ran the tests."""


def chromium(python: Path) -> Path:
    """A Chromium that starts: the one named, the machine's, Playwright's, or Debian's, in this order."""
    named = os.environ.get(VARIABLE)
    if named:
        if not works(Path(named)):
            raise ToolchainError(f"{VARIABLE} names {named}, which does not start: name another or unset it.")
        return Path(named)
    for look in (on_this_machine, lambda: of_playwright(python), lambda: _downloaded(python), _of_debian):
        found = look()
        if found is not None:
            return found
    raise ToolchainError(
        "No Chromium was found and none could be installed: install one (for example: sudo apt install chromium),"
        f" or name its program in {VARIABLE}, then run the same command again."
    )


def chinese_fonts() -> None:
    """Install a font with Chinese where there is none and it can be had, so that pictures are real."""
    if not _can_use_apt() or (shutil.which("fc-list") and _output(["fc-list", ":lang=zh"]).strip()):
        return
    print("No Chinese font on this machine: installing fonts-noto-cjk …", flush=True)
    if not _apt("fonts-noto-cjk"):
        print("It could not be installed; pictures of the Chinese page will show empty boxes.", flush=True)


def on_this_machine() -> Path | None:
    """An installed Chromium or Chrome that starts."""
    places = [*(shutil.which(name) for name in ON_PATH), *ELSEWHERE]
    return next((Path(place) for place in places if place and works(Path(place))), None)


def of_playwright(python: Path) -> Path | None:
    """The Chromium in Playwright's own cache, if it has been downloaded."""
    told = Path(_output([str(python), "-c", ASK_PLAYWRIGHT]).strip() or "missing")
    return told if works(told) else None


def works(program: Path) -> bool:
    """Whether `program` is a Chromium that starts; Ubuntu's may be a mere hint to install something."""
    if not program.is_file():
        return False
    # On Windows it would open a window instead of telling its version.
    return sys.platform == "win32" or "Chrom" in _output([str(program), "--version"])


def _downloaded(python: Path) -> Path | None:
    print("No Chromium on this machine: asking Playwright for its own …", flush=True)
    command = [str(python), "-m", "playwright", "install", "chromium"]
    if not _run_unless_silent(command, SILENT_SECONDS):
        print("Playwright could not download it.", flush=True)
        return None
    return of_playwright(python)


def _of_debian() -> Path | None:
    if not _can_use_apt():
        return None
    print("Installing Debian's chromium …", flush=True)
    if not _apt("chromium"):
        print("apt-get could not install it.", flush=True)
    return on_this_machine()


def _can_use_apt() -> bool:
    return shutil.which("apt-get") is not None and hasattr(os, "geteuid") and os.geteuid() == 0


def _apt(package: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", package]
    # Its lists may be missing or old: then the package is not found, or an old one is, until they are updated. Without
    # a network they cannot be, and the package may be there all the same.
    _ends_well(["apt-get", "update", "-q"], environment)
    return _ends_well(install, environment)


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
    """What `command` prints, or nothing if it fails."""
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
    """Run `command`; end it, with all that it started, once it has printed nothing for `seconds`."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
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
            process.wait(1.0)  # its output has ended, so most often it has too
        except subprocess.TimeoutExpired:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)  # its own group: it was started as a session
            else:
                process.kill()
            process.wait()
