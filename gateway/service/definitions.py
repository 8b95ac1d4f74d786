"""The definition of the service on each platform: its file, and the commands that start and stop it. Pure."""

from __future__ import annotations

import plistlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import list2cmdline
from xml.etree import ElementTree as Xml

NAME = "mooring"
LABEL = "com.github.comfy-mooring"  # launchd wants a name in this form
_TASK = "http://schemas.microsoft.com/windows/2004/02/mit/task"


@dataclass(frozen=True, slots=True)
class Program:
    """What the service runs: the words of a command, and the folder that it runs in."""

    words: Sequence[str]
    folder: Path


@dataclass(frozen=True, slots=True)
class Definition:
    """A file, its content, and what the user types to start the service, and to stop it before the file is deleted."""

    path: Path
    data: bytes
    start: tuple[str, ...]
    stop: tuple[str, ...]

    @property
    def text(self) -> str:
        """The content, to be shown."""
        return self.data.decode("utf-16" if self.data[:2] == b"\xff\xfe" else "utf-8")


def systemd_unit(program: Program, home: Path, environment: Mapping[str, str]) -> Definition:
    """Return a user unit of systemd, which keeps its log."""
    folder = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "systemd" / "user"
    lines = [
        "[Unit]",
        "Description=Mooring, a frontend for ComfyUI servers",
        "",
        "[Service]",
        "Type=exec",
        f"WorkingDirectory={_systemd(str(program.folder), is_quoted=False)}",
        f"ExecStart={' '.join(map(_systemd, program.words))}",
        "Environment=PYTHONUNBUFFERED=1",
        "Restart=on-failure",
        "RestartSec=2",
        "TimeoutStopSec=15",
        "",
        "[Install]",
        "WantedBy=default.target",
        "",
    ]
    return Definition(
        folder / f"{NAME}.service",
        "\n".join(lines).encode(),
        (
            f"systemctl --user daemon-reload && systemctl --user enable --now {NAME}",
            f"journalctl --user -u {NAME}      # its log",
            "loginctl enable-linger            # only if it should run while you are logged out",
        ),
        (f"systemctl --user disable --now {NAME}",),
    )


def _systemd(word: str, *, is_quoted: bool = True) -> str:
    """Write a word of a command, or a path, so that systemd reads it unchanged."""
    word = word.replace("%", "%%")
    if not is_quoted:
        return word
    for character, escaped in (("\\", "\\\\"), ('"', '\\"'), ("$", "$$")):
        word = word.replace(character, escaped)
    return f'"{word}"'


def launchd_agent(program: Program, home: Path, log: Path) -> Definition:
    """Return an agent of launchd; the gateway itself writes the log."""
    path = home / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    data = plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": [*program.words, "--log", str(log)],
            "WorkingDirectory": str(program.folder),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
        }
    )
    domain = "gui/$(id -u)"
    return Definition(
        path,
        data,
        (f'launchctl bootstrap {domain} "{path}"', f'tail -f "{log}"      # its log'),
        (f"launchctl bootout {domain}/{LABEL}",),
    )


def windows_task(program: Program, folder: Path, log: Path, user: str) -> Definition:
    """Return a task as the Task Scheduler reads it from a file in `folder`; the gateway itself writes the log."""
    command, *words = program.words
    task = Xml.Element("Task", {"version": "1.2", "xmlns": _TASK})
    trigger = Xml.SubElement(Xml.SubElement(task, "Triggers"), "LogonTrigger")
    Xml.SubElement(trigger, "UserId").text = user
    settings = Xml.SubElement(task, "Settings")
    for name, value in (
        ("DisallowStartIfOnBatteries", "false"),
        ("StopIfGoingOnBatteries", "false"),
        ("ExecutionTimeLimit", "PT0S"),  # none
        ("MultipleInstancesPolicy", "IgnoreNew"),
    ):
        Xml.SubElement(settings, name).text = value
    restart = Xml.SubElement(settings, "RestartOnFailure")
    Xml.SubElement(restart, "Interval").text = "PT1M"
    Xml.SubElement(restart, "Count").text = "999"
    execute = Xml.SubElement(Xml.SubElement(task, "Actions"), "Exec")
    Xml.SubElement(execute, "Command").text = command
    Xml.SubElement(execute, "Arguments").text = list2cmdline([*words, "--log", str(log)])
    Xml.SubElement(execute, "WorkingDirectory").text = str(program.folder)
    Xml.indent(task)
    path = folder / "service.xml"
    text = '<?xml version="1.0" encoding="UTF-16"?>\n' + Xml.tostring(task, "unicode") + "\n"
    return Definition(
        path,
        text.replace("\n", "\r\n").encode("utf-16"),
        (f'schtasks /Create /TN Mooring /XML "{path}"', "schtasks /Run /TN Mooring", f'type "{log}"'),
        ("schtasks /End /TN Mooring", "schtasks /Delete /TN Mooring /F"),
    )
