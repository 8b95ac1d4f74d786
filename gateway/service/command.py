"""`serve.py service install` and `remove`: the definition is shown, then written or deleted."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.installation import PLACE, Locations, locate
from gateway.platforms import system
from gateway.service.definitions import Definition, Program, launchd_agent, systemd_unit, windows_task
from gateway.service.flags import ServiceFlags, parse_service_flags
from gateway.whole_file import PUBLIC, write_whole


def main(arguments: Sequence[str], ask: Callable[[str], str] = input) -> int:
    """Do it; return the exit code, which is 1 if the user declined or the file cannot be written."""
    flags = parse_service_flags(arguments)
    definition = define(flags, locate())
    try:
        done = _install(definition, flags, ask) if flags.action == "install" else _remove(definition)
    except OSError as error:
        print(f"{definition.path} cannot be changed: {error.strerror}.", file=sys.stderr)
        return 1
    return 0 if done else 1


def define(flags: ServiceFlags, own: Locations, kind: str = system.SERVICE) -> Definition:
    """Return the definition of this installation's service: for systemd, launchd, or as a task of Windows."""
    module = "mooring" if PLACE.is_wheel else "gateway"
    python = Path(sys.executable)
    if kind == "task" and (without_window := python.with_name("pythonw.exe")).exists():
        python = without_window
    program = Program([str(python), "-m", module, *flags.gateway.arguments()], PLACE.root)
    log = own.log or own.state / "mooring.log"
    match kind:
        case "launchd":
            return launchd_agent(program, Path.home(), log)
        case "task":
            return windows_task(program, own.state, log, getpass.getuser())
        case _:
            return systemd_unit(program, Path.home(), os.environ)


def _install(definition: Definition, flags: ServiceFlags, ask: Callable[[str], str]) -> bool:
    print(f"{definition.path}{', which is replaced' if definition.path.exists() else ''}:\n\n{definition.text}")
    if not flags.is_agreed and ask("Write it? [y/N] ").strip().lower() not in {"y", "yes"}:
        print("Nothing was written.")
        return False
    definition.path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(definition.path, definition.data, PUBLIC)
    print("Written. This starts it, now and at each log-in:\n")
    for line in definition.start:
        print(f"  {line}")
    return True


def _remove(definition: Definition) -> bool:
    if not definition.path.exists():
        print(f"There is no {definition.path}.")
        return False
    system.delete(definition.path)
    print(f"{definition.path} is deleted. If the service still runs, this stops it:\n")
    for line in definition.stop:
        print(f"  {line}")
    return True
