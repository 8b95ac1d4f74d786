"""The gateway's answers while a server is added in the page: the check of its address, and the result.

    {"address": "http://192.168.1.20:8188", "id": "192-168-1-20", "name": "192.168.1.20", "health": "well",
     "version": "0.30.0", "devices": [{"title": "cuda:0 NVIDIA GeForce RTX 4090", "total": 25757220864}], …}

Facts only: the page has the texts. Of the target's answers only the version and the devices are passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from wire.health import Health

LONGEST_ADDRESS = 400  # characters
LONGEST_NAME = 80  # characters, shown on a chip


class AddressFault(Enum):
    """Why no server can be at an address. Nothing was sent to it."""

    INVALID = "invalid"
    LOGIN = "login"  # a user and a password are in it
    FORBIDDEN = "forbidden"  # of a machine's own network, of a cloud's metadata, of many machines
    UNKNOWN_NAME = "unknown-name"


class Kept(Enum):
    """Where a change of the fleet stays."""

    FILE = "file"  # the fleet file, which is in use
    NEXT_START = "next-start"  # a file that is used from the next start on
    NAMED = "named"  # a file that is used once it is named, since the servers are named at the start
    NOWHERE = "nowhere"  # until the gateway ends


@dataclass(frozen=True, slots=True)
class DeviceName:
    """A device, and its memory in bytes; 0 if unknown."""

    title: str
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedServer:
    """The result of a check. With a `fault` all else is empty."""

    address: str = ""
    fault: AddressFault | None = None
    server_id: str = ""  # that it has, or gets
    name: str = ""
    is_known: bool = False  # it is in the fleet already
    was_removed: bool = False  # it comes back with all that it had
    health: Health = Health.UNKNOWN
    cause: str = ""
    version: str = ""
    devices: tuple[DeviceName, ...] = ()
    has_socket: bool = False  # its WebSocket opens

    def as_json(self) -> dict[str, object]:
        return {
            "address": self.address,
            "fault": self.fault.value if self.fault else "",
            "id": self.server_id,
            "name": self.name,
            "known": self.is_known,
            "removed": self.was_removed,
            "health": self.health.value,
            "cause": self.cause,
            "version": self.version,
            "devices": [{"title": one.title, "total": one.total} for one in self.devices],
            "socket": self.has_socket,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedServer:
    """The result of adding a server. With a `fault` or a `problem` it was not added; `lines` can then be pasted."""

    fault: AddressFault | None = None
    server_id: str = ""
    kept: Kept = Kept.NOWHERE
    path: str = ""  # of the file
    problem: str = ""  # why the file was not written
    lines: str = ""

    def as_json(self) -> dict[str, object]:
        return {
            "fault": self.fault.value if self.fault else "",
            "id": self.server_id,
            "kept": self.kept.value,
            "path": self.path,
            "problem": self.problem,
            "lines": self.lines,
        }


def read_checked(values: Mapping[str, Any]) -> CheckedServer:
    """Read the gateway's answer; KeyError, TypeError or ValueError if it is none."""
    return CheckedServer(
        address=str(values["address"]),
        fault=_fault(values),
        server_id=str(values["id"]),
        name=str(values["name"]),
        is_known=values["known"] is True,
        was_removed=values["removed"] is True,
        health=Health(values["health"]),
        cause=str(values["cause"]),
        version=str(values["version"]),
        devices=tuple(DeviceName(str(one["title"]), int(one["total"])) for one in values["devices"]),
        has_socket=values["socket"] is True,
    )


def read_added(values: Mapping[str, Any]) -> AddedServer:
    """Read the gateway's answer; KeyError, TypeError or ValueError if it is none."""
    return AddedServer(
        fault=_fault(values),
        server_id=str(values["id"]),
        kept=Kept(values["kept"]),
        path=str(values["path"]),
        problem=str(values["problem"]),
        lines=str(values["lines"]),
    )


def _fault(values: Mapping[str, Any]) -> AddressFault | None:
    return AddressFault(values["fault"]) if values["fault"] else None
