"""`/system_stats`: a server's description of itself, the first part of each probe.

{"system": {"comfyui_version": "0.3.64", "argv": […], …}, "devices": [{"name": …, "type": …, "vram_free": …}, …]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wire.health import Condition, Health

DEMO_MARK = "--mooring-demo"  # in the command line of a demo server
MOST_DEVICES = 16  # of one server that are reported
_LONGEST = 80  # characters of a version and of a device's name, which is its whole description


class StatsError(ValueError):
    """The answer is not ComfyUI's stats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device of a server. Memory in bytes; None if the server does not report it."""

    name: str = ""
    kind: str = ""  # cuda | mps | xpu | cpu …
    total: int | None = None
    free: int | None = None

    @property
    def title(self) -> str:
        """The name without its allocator: `cuda:0 NVIDIA GeForce RTX 4090`."""
        return self.name.partition(" : ")[0]

    @property
    def used_share(self) -> int | None:
        """The memory in use in percent; None if the server does not report it."""
        return round(100 * (self.total - self.free) / self.total) if self.total and self.free is not None else None


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of one probe: the server's condition, and its devices, whose memory changes all the time."""

    condition: Condition
    devices: tuple[Device, ...] = ()

    def with_queue(self, *, running: int, pending: int) -> ProbeResult:
        """Return the result with the length of the server's queue."""
        return replace(self, condition=replace(self.condition, running=running, pending=pending))


def read_stats(answer: object) -> ProbeResult:
    """Return the result for a healthy server's answer, or raise `StatsError`.

    Very old servers report neither version nor command line.
    """
    match answer:
        case {"system": dict(system), "devices": list(devices)}:
            argv = system.get("argv")
            known = tuple(_device(item) for item in devices[:MOST_DEVICES] if isinstance(item, dict))
            flags = [item for item in argv if isinstance(item, str)] if isinstance(argv, list) else []
            return ProbeResult(
                Condition(
                    Health.WELL,
                    version=_text(system.get("comfyui_version")),
                    is_demo=DEMO_MARK in flags,
                    preview_method=_text(_value_of(flags, "--preview-method", shortest="--preview-m")),
                ),
                known,
            )
        case _:
            raise StatsError("/system_stats is not ComfyUI's")


def _value_of(argv: Sequence[str], flag: str, *, shortest: str) -> str:
    """Return the value of a flag, as argparse reads it: the last one counts, and its name may be cut to `shortest`."""
    value = ""
    for given, following in zip(argv, [*argv[1:], ""], strict=False):
        name, is_joined, joined = given.partition("=")
        if name.startswith(shortest) and flag.startswith(name):
            value = joined if is_joined else following
    return value


def _device(item: Mapping[str, Any]) -> Device:
    return Device(
        name=_text(item.get("name")),
        kind=_text(item.get("type")),
        total=_bytes(item.get("vram_total")),
        free=_bytes(item.get("vram_free")),
    )


def _text(value: object) -> str:
    """Return a short text without control characters, since it is also written to terminals."""
    return "".join(filter(str.isprintable, value[:_LONGEST])) if isinstance(value, str) else ""


def _bytes(value: object) -> int | None:
    is_size = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**63
    return int(value) if is_size else None  # type: ignore[call-overload]
