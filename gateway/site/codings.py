"""The encodings that a browser accepts for a compressed file. Pure."""

from __future__ import annotations


def accepted(header: str) -> frozenset[str]:
    """Return the encodings that an `Accept-Encoding` header accepts."""
    found = set()
    for item in header.lower().split(","):
        coding, _, parameters = item.partition(";")
        if parameters.replace(" ", "").rstrip("0") not in {"q=", "q=0."}:
            found.add(coding.strip())
    return frozenset(found)
