"""The files that people's prompts have made: sealed where they are told of, and opened for whoever holds the seal."""

from __future__ import annotations

import asyncio
import email.utils
import re
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp

from gateway.headers import OWN_MARK
from gateway.people.keys import Keys
from gateway.people.person import Person
from gateway.people.projection import ended_at
from gateway.people.prompts import Made
from gateway.people.seals import KEY, File, Judgement, Seal, seal
from gateway.proxy import Terms
from gateway.refusal import Cause, Refusal, Refused
from gateway.upstream import Upstream

AT_ONCE = 8  # looks at files of one answer
MOST_FILES = 2_000  # of one answer; what stands after them is told without a seal
_LATE = 2.0  # seconds after a prompt's end at which a file of its may have been written, by two clocks
_TAG = re.compile(r'(?:W/)?"([0-9a-f]{8,20})-[0-9a-f]+"')  # aiohttp's: nanoseconds of the change, size
_OURS = frozenset({KEY, OWN_MARK})
_KNOWN = frozenset({"filename", "subfolder", "type", "preview", "channel", "rand"})


class Files:
    """Seals and opens."""

    async def seal_entry(self, upstream: Upstream, person: Person, entry: dict[str, Any]) -> None:
        """Seal every file of a history entry; one that was written after the prompt's end is not its own any more."""
        await self._seal(upstream, person, entry.get("outputs"), ended_at(entry))

    async def seal_all(self, upstream: Upstream, person: Person, value: object) -> None:
        """Seal every file that is described anywhere in here."""
        await self._seal(upstream, person, value, None)

    async def seal_upload(self, upstream: Upstream, person: Person, told: dict[str, Any]) -> None:
        """Seal what an upload's answer describes, in its own words."""
        file = File.of(upstream.server.id, {**told, "filename": told.get("name")})
        if file is not None:
            told[KEY] = seal(person.keys, person.subject, file, await _etag(upstream, file), time.time())

    async def _seal(self, upstream: Upstream, person: Person, value: object, ended: float | None) -> None:
        places = asyncio.Semaphore(AT_ONCE)

        async def one(described: dict[str, Any]) -> None:
            file = File.of(upstream.server.id, described)
            if file is not None:
                async with places:
                    etag = await _etag(upstream, file, ended)
                described[KEY] = seal(person.keys, person.subject, file, etag, time.time())

        found = list(_described(value))
        await asyncio.gather(*(one(described) for described in found[:MOST_FILES]))

    async def open(self, upstream: Upstream, query: str, keys: Keys) -> Terms:
        """On which terms a `/view` passes, or `Refused`: its seal must be ours, of this very file, and not too old."""
        asked = parse_qsl(query, keep_blank_values=True)
        named = dict(asked)
        if len(named) != len(asked) or not set(named) <= _KNOWN | _OURS:
            raise Refused(Refusal(Cause.BAD_REQUEST, "The address of a picture names each part once."))
        known = Seal.read(named.get(KEY, ""))
        file = File.of(upstream.server.id, named)
        judgement = Judgement.FORGED if known is None or file is None else known.judge(keys, file, time.time())
        if known is None or file is None or judgement is Judgement.FORGED:
            raise Refused(Refusal(Cause.NOT_YOURS, "This address of a picture was not made here."))
        if judgement is Judgement.EXPIRED:
            raise Refused(Refusal(Cause.LINK_EXPIRED, "This address of a picture is too old; ask for a new one."))
        if {"preview", "channel"} & set(named):  # is made anew each time and has no Etag of its own
            etag = await _etag(upstream, file)
            if etag and not known.fits(etag):
                raise Refused(Refusal(Cause.PICTURE_CHANGED, "Another file has this name by now."))
            return Terms()
        return Terms(fits=known.fits)

    async def etag(self, upstream: Upstream, query: str) -> str:
        """The Etag of the file that a `/view` names, as it is now; empty if there is none."""
        file = File.of(upstream.server.id, dict(parse_qsl(query, keep_blank_values=True)))
        return "" if file is None else await _etag(upstream, file)

    async def has_all(self, upstream: Upstream, entries: Iterable[dict[str, Any]], wanted: Collection[Made]) -> bool:
        """Whether each wanted file is in one of these entries of history, and still the one that was made there."""
        missing = set(wanted)
        for entry in entries:
            for described in _described(entry.get("outputs")):
                file = File.of(upstream.server.id, described)
                made = None if file is None else Made(file.folder, file.subfolder, file.name)
                if file is not None and made in missing and await _etag(upstream, file, ended_at(entry)):
                    missing.discard(made)
        return not missing


def _described(value: object) -> Iterator[dict[str, Any]]:
    """Every description of a file in a JSON value, however deep."""
    waiting = deque([value])
    while waiting:
        match waiting.popleft():
            case dict(items):
                if isinstance(items.get("filename"), str):
                    yield items
                else:
                    waiting += items.values()
            case list(items):
                waiting += items


async def _etag(upstream: Upstream, file: File, ended: float | None = None) -> str:
    """A file's Etag; empty if it is not there, or was written after `ended` (milliseconds, the server's clock)."""
    query = urlencode({"filename": file.name, "type": file.folder, "subfolder": file.subfolder})
    try:
        async with (
            upstream.place(upstream.reads),
            asyncio.timeout(upstream.deadlines.read),
            upstream.session(is_fresh=False).head(upstream.url("/view", query)) as reply,
        ):
            if reply.status != 200:
                return ""
            headers: Mapping[str, str] = reply.headers
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Refused(upstream.explain(error)) from error
    etag = headers.get("ETag", "")
    written = _written_at(etag, headers.get("Last-Modified", ""))
    is_late = ended is not None and written is not None and written > ended / 1_000 + _LATE
    return "" if is_late else etag


def _written_at(etag: str, modified: str) -> float | None:
    """When a file was written, in seconds since 1970 by the server's clock."""
    if found := _TAG.fullmatch(etag):
        return int(found[1], 16) / 1e9
    try:
        return email.utils.parsedate_to_datetime(modified).timestamp()
    except ValueError:
        return None
