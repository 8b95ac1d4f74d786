"""The page's Content-Security-Policy: its own origin and, without a gateway, the listed servers' origins."""

from __future__ import annotations

from collections.abc import Iterable

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob: data:{shown}; media-src 'self' blob:{shown}; connect-src 'self'{asked}; object-src 'none'; "
    "base-uri 'none'; form-action 'self'{workers}"
)
_WORKERS = "; worker-src 'self' blob:"  # the console's worker inherits the page's policy (`static/js/scripting.js`)
_FRAMES = "; frame-ancestors 'none'"  # which only a header can set


def header_policy(sockets: str) -> str:
    """Return the policy for the gateway's header; `sockets` are the WebSocket origins."""
    return _POLICY.format(shown="", asked=f" {sockets}", workers="") + _FRAMES


def document_policy(origins: Iterable[str]) -> str:
    """Return the policy inside a page that contacts servers at these origins directly."""
    known = list(dict.fromkeys(origins))
    shown = "".join(f" {origin}" for origin in known)
    sockets = "".join(f" ws{origin.removeprefix('http')}" for origin in known)
    return _POLICY.format(shown=shown, asked=f"{shown}{sockets}", workers=_WORKERS)
