"""The page's Content-Security-Policy: its own origin and, without a gateway, the listed servers' origins."""

from __future__ import annotations

from collections.abc import Iterable

# The one style element of @google/model-viewer; a test compares it.
VIEWER_STYLE = "'sha256-PXtZZkJMMyc18o/DN1ZEFOJ2qEGq95IQbVaJFMOXOb0='"
# `RULES` in `static/js/ahead.js`; a test compares it.
AHEAD_RULES = "'sha256-cPATrdZMx10kO2anxuAkOI6KoE3ITc+kTeSyD0d1Juk='"
# The viewer reads a model, its buffers and its pictures from addresses of the page's own bytes. Workers from such an
# address inherit the page's policy: the decoder of compressed models, and the console (`static/js/scripting.js`).
_POLICY = (
    f"default-src 'self'; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval' {AHEAD_RULES}; "
    f"style-src 'self' {VIEWER_STYLE}; "
    "img-src 'self' blob: data:{shown}; media-src 'self' blob:{shown}; connect-src 'self' blob: data:{asked}; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; worker-src 'self' blob:"
)
_FRAMES = "; frame-ancestors 'none'"  # which only a header can set


def header_policy(sockets: str) -> str:
    """Return the policy for the gateway's header; `sockets` are the WebSocket origins."""
    return _POLICY.format(shown="", asked=f" {sockets}") + _FRAMES


def document_policy(origins: Iterable[str]) -> str:
    """Return the policy inside a page that contacts servers at these origins directly."""
    known = list(dict.fromkeys(origins))
    shown = "".join(f" {origin}" for origin in known)
    sockets = "".join(f" ws{origin.removeprefix('http')}" for origin in known)
    return _POLICY.format(shown=shown, asked=f"{shown}{sockets}")
