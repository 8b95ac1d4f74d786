"""Password hashes: scrypt, with its parameters and salt.

    scrypt$15$8$3$<salt>$<hash>      log2 of N, r, p; salt and hash in base64

The strength is OWASP's recommendation. A check takes 200 ms of a core and 32 MB, which makes guessing slow.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from gateway.errors import ConfigError

SHORTEST = 8  # characters
LONGEST = 1_000
LOG_N, R, P = 15, 8, 3
_SALT = 16  # bytes
_HASH = 32  # bytes
_MOST_LOG_N, _MOST_R, _MOST_P = 17, 16, 4  # limits for a file's parameters: 256 MB
_ROOM = 2  # times the memory of the parameters, since OpenSSL needs a higher limit


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """The hash of one password."""

    log_n: int
    r: int
    p: int
    salt: bytes
    hash: bytes

    @classmethod
    def of(cls, password: str) -> PasswordHash:
        """Hash a new password."""
        salt = secrets.token_bytes(_SALT)
        return cls(LOG_N, R, P, salt, _scrypt(password, LOG_N, R, P, salt))

    @classmethod
    def read(cls, text: str) -> PasswordHash:
        """Parse a hash in a file; ConfigError if it is invalid."""
        fields = text.split("$")
        try:
            kind, log_n, r, p = fields[0], *(int(one) for one in fields[1:4])
            salt, known = (base64.b64decode(one, validate=True) for one in fields[4:])
        except (ValueError, IndexError) as error:
            raise ConfigError("it is not a password as Mooring writes it") from error
        fits = 10 <= log_n <= _MOST_LOG_N and 1 <= r <= _MOST_R and 1 <= p <= _MOST_P
        if kind != "scrypt" or not fits or len(salt) < _SALT or len(known) != _HASH:
            raise ConfigError("it is not a password as Mooring writes it")
        return cls(log_n, r, p, salt, known)

    def write(self) -> str:
        """Return the text for a file."""
        salt, known = (base64.b64encode(one).decode() for one in (self.salt, self.hash))
        return f"scrypt${self.log_n}${self.r}${self.p}${salt}${known}"

    def fits(self, password: str) -> bool:
        """Return whether this is the password. Slow on purpose: run it in a thread, one at a time."""
        found = _scrypt(password, self.log_n, self.r, self.p, self.salt)
        if (self.log_n, self.r) == (LOG_N, R) and self.p < P:
            # Take as long as for an unknown name, or an older hash would reveal that its account exists.
            _scrypt(password, LOG_N, R, P - self.p, self.salt)
        return hmac.compare_digest(self.hash, found)

    @property
    def is_weak(self) -> bool:
        """Return whether new passwords are hashed more strongly."""
        return (self.r * self.p) << self.log_n < (R * P) << LOG_N


def fault_of(password: str) -> str:
    """Return why a password is refused; empty if it is not."""
    if len(password) < SHORTEST:
        return f"a password has at least {SHORTEST} characters"
    if len(password) > LONGEST:
        return f"a password has at most {LONGEST} characters"
    return "" if password.isprintable() else "a password has no control characters"


def _scrypt(password: str, log_n: int, r: int, p: int, salt: bytes) -> bytes:
    data = password.encode("utf-8", "surrogatepass")
    memory = _ROOM * 128 * r * (2**log_n + p)
    return hashlib.scrypt(data, salt=salt, n=2**log_n, r=r, p=p, maxmem=memory, dklen=_HASH)


UNKNOWN_USER_HASH = PasswordHash(LOG_N, R, P, bytes(_SALT), bytes(_HASH))  # is checked for an unknown name
