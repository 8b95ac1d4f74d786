"""Addresses of pictures: each carries a seal that only this installation can make, for one file as it was.

    seal = <account>~<until>~<tag>~<mark>

The mark is over owner, server, type, subfolder, name, tag and the second until which it holds. Whoever has come in may
open an address that somebody gives them; nobody can make one, nor turn one into another's. `tag` stands for the file's
Etag: once the file is another, the address is of no use (410).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gateway.people.keys import Keys
from gateway.people.person import NAME
from wire.history import read_file

KEY = "seal"  # in a file's description, and in the query of its address
DAYS = 60  # an address holds so long, to the end of its month-long slot
_SLOT = 30 * 86_400  # seconds; equal files have equal addresses for so long, and browsers keep them
_SEAL = re.compile(
    rf"({NAME.pattern}(?:~[0-9a-f]{{16}})?)~([0-9]{{1,12}})~([0-9a-f]{{16}}|-)~([0-9a-f]{{64}})", re.ASCII
)
_ELSEWHERE = re.compile(r"[/\\\0]|\[(input|output|temp)\]\s*\Z", re.IGNORECASE)  # a path or a folder in a name
NO_FILE = "-"  # the tag of a file that was not there, or was no more the one that was made


@dataclass(frozen=True, slots=True)
class File:
    """A file on a server, as ComfyUI names it."""

    server_id: str
    folder: str  # output | temp | input
    subfolder: str
    name: str

    @classmethod
    def of(cls, server_id: str, described: Mapping[str, Any]) -> File | None:
        """As an entry of history or an `executed` message describes it."""
        made = read_file(described)
        return None if made is None else cls(server_id, made.folder, made.subfolder, made.name)

    @property
    def path(self) -> str:
        """The file's path below its folder, as a prompt names it."""
        return f"{self.subfolder}/{self.name}" if self.subfolder else self.name

    @property
    def is_plain(self) -> bool:
        """Return whether the name stays in its folder: it has no path and no ending such as `[input]`."""
        parts = self.subfolder.replace("\\", "/").split("/")
        is_inside = not self.subfolder or not any(part in {"", ".", ".."} for part in parts)
        return is_inside and not _ELSEWHERE.search(self.name) and self.name not in {".", ".."}


class Judgement(Enum):
    """What a seal is worth."""

    GOOD = "good"
    FORGED = "forged"  # or of another file
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal that was read: whose, and of which state of the file."""

    owner: str
    until: int
    tag: str
    mark: str

    @classmethod
    def read(cls, text: str) -> Seal | None:
        """As it stands in an address, or None."""
        found = _SEAL.fullmatch(text)
        return None if found is None else cls(found[1], int(found[2]), found[3], found[4])

    def judge(self, keys: Keys, file: File, now: float) -> Judgement:
        """Whether this installation has made it for this file, and it still holds."""
        if not keys.is_signed(self.mark, "picture", *_parts(self.owner, file, self.until, self.tag)):
            return Judgement.FORGED
        return Judgement.GOOD if now < self.until else Judgement.EXPIRED

    def fits(self, etag: str) -> bool:
        """Whether a file with this Etag is the one that was sealed."""
        return self.tag == tag_of(etag) != NO_FILE


def seal(keys: Keys, owner: str, file: File, etag: str, now: float) -> str:
    """A seal for a file as it is now; an empty `etag` for one that is not there."""
    until = (int(now) // _SLOT) * _SLOT + DAYS * 86_400
    tag = tag_of(etag)
    return f"{owner}~{until}~{tag}~{keys.sign('picture', *_parts(owner, file, until, tag))}"


def tag_of(etag: str) -> str:
    """A short name of an Etag; weak and strong ones of the same file are the same."""
    plain = etag.removeprefix("W/").strip('"')
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:16] if plain else NO_FILE


def _parts(owner: str, file: File, until: int, tag: str) -> tuple[str, ...]:
    return owner, file.server_id, file.folder, file.subfolder, file.name, str(until), tag
