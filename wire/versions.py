"""The known features of ComfyUI's versions."""

from __future__ import annotations

OLDEST, NEWEST = "0.3.64", "0.30.0"  # that Mooring is tried with; it supports all since the oldest
VERSIONS = (OLDEST, NEWEST)
CHECKS_NEW_CHOICES = (0, 5)  # since pull request 11345; 0.3.64 does not (measured)
INTERRUPTS_BY_ID = (0, 3, 64)  # measured; older servers may interrupt the running prompt, whatever id is named
TAKES_PREVIEW_METHOD = (0, 5)  # since pull request 11261; 0.3.64 does not, and 0.30.0 does (both measured)


def interrupts_by_id(version: str) -> bool:
    """Return whether a server of that version is known to check the prompt_id of an interrupt."""
    return _is_since(version, INTERRUPTS_BY_ID, otherwise=False)


def checks_new_choices(version: str) -> bool:
    """Return whether a server of that version refuses a value outside of a choice in the newer form of a catalogue."""
    return _is_since(version, CHECKS_NEW_CHOICES, otherwise=True)


def takes_preview_method(version: str) -> bool:
    """Return whether a server of that version makes previews as each prompt's `extra_data.preview_method` says."""
    return _is_since(version, TAKES_PREVIEW_METHOD, otherwise=False)


def _is_since(version: str, first: tuple[int, ...], *, otherwise: bool) -> bool:
    """Return whether it is that version or a later one; `otherwise` if it cannot be compared."""
    numbers = version.split("+", maxsplit=1)[0].split(".")
    return tuple(map(int, numbers)) >= first if all(item.isdecimal() for item in numbers) else otherwise
