"""The known features of ComfyUI's versions."""

from __future__ import annotations

CHECKS_NEW_CHOICES = (0, 5)  # since pull request 11345; 0.3.64 does not (measured)
INTERRUPTS_BY_ID = (0, 3, 64)  # measured; older servers may interrupt the running prompt, whatever id is named


def interrupts_by_id(version: str) -> bool:
    """Return whether a server of that version is known to check the prompt_id of an interrupt."""
    known = _numbers(version)
    return known is not None and known >= INTERRUPTS_BY_ID


def checks_new_choices(version: str) -> bool:
    """Return whether a server of that version refuses a value outside of a choice in the newer form of a catalogue."""
    known = _numbers(version)
    return known is None or known >= CHECKS_NEW_CHOICES


def _numbers(version: str) -> tuple[int, ...] | None:
    numbers = version.split("+", maxsplit=1)[0].split(".")
    return tuple(map(int, numbers)) if all(item.isdecimal() for item in numbers) else None
