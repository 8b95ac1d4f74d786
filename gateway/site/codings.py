"""In which codings a browser takes a file that is kept packed. Pure."""

from __future__ import annotations


def accepted(header: str) -> frozenset[str]:
    """The codings that an `Accept-Encoding` names and does not rule out."""
    found = set()
    for item in header.lower().split(","):
        coding, _, parameters = item.partition(";")
        if parameters.replace(" ", "").rstrip("0") not in {"q=", "q=0."}:
            found.add(coding.strip())
    return frozenset(found)
