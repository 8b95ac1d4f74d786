"""What can fail in set-up, each as one sentence that says what to do."""

from __future__ import annotations

import errno
from pathlib import Path

LOG_HINT = "details: .mooring/setup.log"
AGAIN = "then run the same command again"


class SetupError(Exception):
    """A failed step; the text is one sentence for the user at the terminal."""


class SnapshotFailed(Exception):
    """Node could not make a memory snapshot. Windows open more slowly, and nothing else changes."""


class CommandFailed(Exception):
    """A tool ended with an error; `output` is what it had printed."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output


# The order matters: pip says "No matching distribution" also if it only failed to reach its registry.
_DISK = ("No space left on device", "ENOSPC", "Disk quota exceeded")
_FOLDER = ("Read-only file system", "EROFS", "Permission denied", "EACCES")
_HASH = ("DO NOT MATCH THE HASHES", "EINTEGRITY")
_TRUST = ("CERTIFICATE_VERIFY_FAILED", "SELF_SIGNED_CERT", "UNABLE_TO_VERIFY", "UNABLE_TO_GET_ISSUER")
_NETWORK = (
    "NewConnectionError",
    "ConnectionError",
    "ConnectTimeout",
    "ProxyError",
    "ReadTimeout",
    "Max retries exceeded",
    "Failed to establish",
    "name resolution",
    "connection broken",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "ERR_SOCKET_TIMEOUT",
)


def explain(tool: str, output: str) -> SetupError:
    """Explain the failure of `tool`, which printed `output`, in one sentence."""
    if _has(output, _DISK):
        return SetupError(f"The disk is full: make 500 MB of room, {AGAIN}.")
    if _has(output, _HASH):
        return SetupError(
            f"{tool} was given a package that is not the one our lock file names (its hash differs):"
            f" empty {tool}'s cache or ask who runs your package mirror, {AGAIN} ({LOG_HINT})."
        )
    if _has(output, _TRUST):
        return SetupError(
            f"{tool} does not trust the certificate of its package registry: name your network's own"
            f" certificate in PIP_CERT and NODE_EXTRA_CA_CERTS, {AGAIN} ({LOG_HINT})."
        )
    if _has(output, _NETWORK):
        return SetupError(
            f"{tool} could not reach its package registry: check this machine's network and proxy,"
            f" {AGAIN} ({LOG_HINT})."
        )
    if _has(output, _FOLDER):
        return SetupError(f"{tool} may not write where it has to: see {LOG_HINT[9:]}, put that right, {AGAIN}.")
    if "No matching distribution" in output:
        return SetupError(
            f"{tool} found a package that is not made for this Python: try Python 3.11 to 3.14 ({LOG_HINT})."
        )
    return SetupError(f"{tool} failed: see {LOG_HINT[9:]} for its own words, put that right, {AGAIN}.")


def explain_os(error: OSError, root: Path) -> SetupError:
    """Explain an error of the operating system in one sentence."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return SetupError(f"The disk is full: make 500 MB of room, {AGAIN}.")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            what = error.filename or root
            return SetupError(
                f"Mooring may not write {what}: make {root} writable for you, or clone it elsewhere, {AGAIN}."
            )
        case errno.ENOENT if error.filename:
            return SetupError(f"{error.filename} is missing: clone the repository, {AGAIN}.")
        case _:
            return SetupError(f"Set-up failed in {root} ({error}): put that right, {AGAIN}.")


def _has(output: str, signs: tuple[str, ...]) -> bool:
    return any(sign in output for sign in signs)
