"""The real server's only protection: under a loopback Host, an Origin of another host or port is refused."""

from __future__ import annotations

from urllib.parse import urlsplit


def host_name(host: str) -> str | None:
    """Return the name or address in a Host header."""
    return urlsplit(f"//{host.lower()}").hostname


def differs(host: str, origin: str) -> bool:
    """Return whether the Origin is another than the Host; a port that only one of them names is not compared."""
    asked, came = urlsplit(f"//{host.lower()}"), urlsplit(origin)
    ours = asked.hostname if came.port is None else host.lower()
    theirs = came.hostname if asked.port is None else came.netloc.lower()
    return bool(ours and theirs and ours != theirs)
