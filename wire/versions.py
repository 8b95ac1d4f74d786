"""The known features of ComfyUI's versions."""

from __future__ import annotations

INTERRUPTS_BY_ID = (0, 3, 64)  # measured; older servers may interrupt the running prompt, whatever id is named


def interrupts_by_id(version: str) -> bool:
    """Return whether a server of that version is known to check the prompt_id of an interrupt."""
    numbers = version.split("+", maxsplit=1)[0].split(".")
    return all(item.isdecimal() for item in numbers) and tuple(map(int, numbers)) >= INTERRUPTS_BY_ID
