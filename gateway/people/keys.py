"""The secret keys of one installation, from which every signature follows; all of its gateways share the file.

One key per line, in hexadecimal: the first one signs, and signatures of a later one are still valid, so a key can
be replaced without logging users out. A missing file is created, readable by its owner only.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import ConfigError
from gateway.platforms import system
from gateway.whole_file import write_beside, write_whole

SIZE = 32  # bytes
MOST_KEYS = 8
_LINE = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys, the newest first. A signature has a purpose, so that it is valid for nothing else."""

    all: tuple[bytes, ...] = field(repr=False)

    def sign(self, purpose: str, *parts: str) -> str:
        """Return 32 bytes over purpose and parts, in hexadecimal; different lists of parts never give equal bytes."""
        return _sign(self.all[0], purpose, parts)

    def is_signed(self, mark: str, purpose: str, *parts: str) -> bool:
        """Whether one of the keys has signed this."""
        given = mark.encode("utf-8", "replace")
        # Every key is tried, so that the time reveals nothing.
        fits = [hmac.compare_digest(given, _sign(key, purpose, parts).encode()) for key in self.all]
        return any(fits)


def _sign(key: bytes, purpose: str, parts: tuple[str, ...]) -> str:
    written = b"".join(_framed(part) for part in (purpose, *parts))
    return hmac.new(key, written, hashlib.sha256).hexdigest()


def _framed(part: str) -> bytes:
    data = part.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "big") + data


def load_keys(path: Path) -> Keys:
    """Return the keys in a file, created if it is missing; a `ConfigError` says what is wrong with it."""
    if not path.exists():
        make_keys(path)
    try:
        is_open = system.is_open_to_others(path)
        lines = path.read_text("ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the key file cannot be read ({error})", file=path) from error
    if is_open:
        raise ConfigError("others on this machine can read the key file: chmod 600 it", file=path)
    for number, line in enumerate(lines, 1):
        if not _LINE.fullmatch(line):
            raise ConfigError("a key is 64 hexadecimal digits", file=path, line=number)
    if not lines or len(lines) > MOST_KEYS:
        raise ConfigError(f"it has {len(lines)} keys, and needs 1 to {MOST_KEYS}", file=path)
    return Keys(tuple(bytes.fromhex(line) for line in lines))


def make_keys(path: Path) -> None:
    """Create a file with one key, readable by its owner only; a file that another gateway creates first is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        whole = write_beside(path, f"{secrets.token_hex(SIZE)}\n".encode())
        try:
            system.publish(whole, path)
        finally:
            whole.unlink(missing_ok=True)
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigError(f"the key file cannot be made ({error.strerror})", file=path) from error


def renew_keys(path: Path) -> None:
    """Put a new key first. Signatures of the key before it stay valid, those of the one before that do not."""
    keys = load_keys(path)
    lines = [secrets.token_hex(SIZE), keys.all[0].hex()]
    write_whole(path, ("\n".join(lines) + "\n").encode())
