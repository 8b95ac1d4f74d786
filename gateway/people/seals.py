"""Seals in the addresses of pictures, which only this installation can make, each for one version of a file.

    seal = <account>~<until>~<tag>~<mark>

The mark is over owner, server, type, subfolder, name, tag and the second until which it is valid. A logged-in user may
open an address that another user shares; no user can make one, nor turn one into another. `tag` stands for the file's
Etag: once the file is replaced, the address is invalid (410). The page replaces an expired seal by itself: the
server's history gives another one, if it still proves the file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gateway.http.queries import SEAL
from gateway.people.keys import Keys
from gateway.people.user import NAME
from wire.history import read_file
from wire.paths import has_controls

KEY = SEAL  # in a file's description, and in the query of its address
DAYS = 60  # that an address is valid, to the end of its month-long slot
PURPOSE = "proven picture"  # in the signature
FORMER_PURPOSE = "picture"  # of seals by the former, weaker rules of proof: they have expired
_SLOT = 30 * 86_400  # seconds in which the same file keeps its address, so that browsers can cache it
_SEAL = re.compile(
    rf"({NAME.pattern}(?:~[0-9a-f]{{16}})?)~([0-9]{{1,12}})~([0-9a-f]{{16}}|-)~([0-9a-f]{{64}})", re.ASCII
)
_ELSEWHERE = re.compile(r"[/\0]|\[(input|output|temp)\]\s*\Z", re.IGNORECASE)  # a path or a folder in a name
NO_FILE = "-"  # the tag of a file that was missing, or had been replaced


@dataclass(frozen=True, slots=True)
class File:
    """A file on a server, as ComfyUI names it."""

    server_id: str
    folder: str  # output | temp | input
    subfolder: str
    name: str

    @classmethod
    def of(cls, server_id: str, described: Mapping[str, Any]) -> File | None:
        """Return the file that an entry of history or an `executed` message describes."""
        made = read_file(described)
        return None if made is None else cls(server_id, made.folder, made.subfolder, made.name)

    @property
    def path(self) -> str:
        """The file's path below its folder, as a prompt names it."""
        return f"{self.subfolder}/{self.name}" if self.subfolder else self.name

    @property
    def has_backslash(self) -> bool:
        """Return whether the name leads into a folder if its server runs on Windows."""
        return "\\" in self.name

    @property
    def is_plain(self) -> bool:
        """Return whether the name stays in its folder on any server: it has no path and no ending such as `[input]`."""
        return self.is_plain_without_windows and not self.has_backslash

    @property
    def is_plain_without_windows(self) -> bool:
        """Return the same for a server that does not run on Windows: a backslash is a part of the name there."""
        parts = self.subfolder.replace("\\", "/").split("/")
        is_inside = not self.subfolder or not any(part in {"", ".", ".."} for part in parts)
        is_name = not _ELSEWHERE.search(self.name) and self.name not in {".", ".."}
        return is_inside and is_name and not has_controls(self.path)  # a server hangs up on a line break


class Judgement(Enum):
    """The validity of a seal."""

    GOOD = "good"
    FORGED = "forged"  # or of another file
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Seal:
    """A parsed seal: its owner, and the version of the file."""

    owner: str
    until: int
    tag: str
    mark: str

    @classmethod
    def read(cls, text: str) -> Seal | None:
        """Parse a seal in an address; None if it is malformed."""
        found = _SEAL.fullmatch(text)
        return None if found is None else cls(found[1], int(found[2]), found[3], found[4])

    def judge(self, keys: Keys, file: File, now: float) -> Judgement:
        """Check whether this installation has made it for this file, and whether it is still valid."""
        parts = _parts(self.owner, file, self.until, self.tag)
        if not keys.is_signed(self.mark, PURPOSE, *parts):
            return Judgement.EXPIRED if keys.is_signed(self.mark, FORMER_PURPOSE, *parts) else Judgement.FORGED
        return Judgement.GOOD if now < self.until else Judgement.EXPIRED

    def fits(self, etag: str) -> bool:
        """Whether a file with this Etag is the sealed version."""
        return self.tag == tag_of(etag) != NO_FILE


def seal(keys: Keys, owner: str, file: File, etag: str, now: float) -> str:
    """Return the seal of a file's present version; `etag` is empty for a missing file."""
    until = (int(now) // _SLOT) * _SLOT + DAYS * 86_400
    tag = tag_of(etag)
    return f"{owner}~{until}~{tag}~{keys.sign(PURPOSE, *_parts(owner, file, until, tag))}"


def tag_of(etag: str) -> str:
    """Return a short name of an Etag; weak and strong ones of the same file are equal."""
    plain = etag.removeprefix("W/").strip('"')
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:16] if plain else NO_FILE


def _parts(owner: str, file: File, until: int, tag: str) -> tuple[str, ...]:
    return owner, file.server_id, file.folder, file.subfolder, file.name, str(until), tag
