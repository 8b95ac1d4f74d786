"""Names of files that mean the same on every system: `photo.png`, and not `aux.png`, `a:b.png` or `x.png.` on Windows.

Windows reads a device's name as the device, whatever its ending; a colon as a drive or a second content of a file; and
drops dots and spaces at the end, so that two names are one file.
"""

from __future__ import annotations

import re

_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³]) *(?:\..*)?", re.IGNORECASE)
_MEANT_OTHERWISE = re.compile(r"[\x00-\x1f\x7f/\\:]")


def is_unambiguous(name: str) -> bool:
    """Whether this names the same file on every system that can have one of that name."""
    is_named = bool(name) and name[-1] not in ". "
    return is_named and not _MEANT_OTHERWISE.search(name) and not _DEVICE.fullmatch(name)
