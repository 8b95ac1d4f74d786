"""The files made by users' prompts: sealed in each answer that lists them, and opened by requests with the seal."""

from __future__ import annotations

import asyncio
import email.utils
import logging
import re
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import aiohttp

from gateway.http.proxy import Terms
from gateway.http.queries import write_query
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.upstream import Upstream
from gateway.people.evidence import ListedFile, ProvingRun, Span, WriteTime
from gateway.people.keyed_locks import KeyedLocks
from gateway.people.keys import Keys
from gateway.people.projection import HistoryPage, own_runs
from gateway.people.prompts import Made
from gateway.people.seals import KEY, File, Judgement, Seal, seal
from gateway.people.upstream_query import LONGEST_HISTORY, fetch, history_pages
from gateway.people.user import User
from wire.refusals import Cause

SEARCH_SECONDS = 20.0  # for one search of a history, page by page; of each page only the user's own runs are held
PARALLEL = 8  # requests about the files of one answer
MOST_FILES = 2_000  # of one answer; further ones get no seal
_log = logging.getLogger(__name__)
_TAG = re.compile(r'(?:W/)?"([0-9a-f]{8,20})-[0-9a-f]+"')  # aiohttp's: nanoseconds of the change, size
_NOT_WINDOWS = frozenset({"posix", "linux", "darwin"})  # os.name of older servers, sys.platform of newer ones


K = TypeVar("K")
T = TypeVar("T")
# For the user's runs that may have written these files.
Search = Callable[[Mapping[File, WriteTime]], AsyncGenerator[HistoryPage]]


class CutShortError(Exception):
    """The search of a server's history took too long: what it has not found may still be there."""


class UserFiles:
    """Proves files, and makes and checks seals."""

    def __init__(self) -> None:
        self._searches = KeyedLocks[tuple[str, str]]()

    def search_of(self, upstream: Upstream, user: User) -> Search:
        """Return the search of a server's history for the runs of this user: one at a time, the latest first.

        It ends where all runs are older than the files. `CutShortError` if it takes too long.
        """
        server_id = upstream.server.id

        async def search(wanted: Mapping[File, WriteTime]) -> AsyncGenerator[HistoryPage]:
            earliest = min(written.earliest for written in wanted.values())
            files = frozenset(wanted)
            clock = asyncio.get_running_loop().time
            async with self._searches.hold((server_id, user.subject)):
                until = clock() + SEARCH_SECONDS
                async for page in history_pages(upstream, LONGEST_HISTORY, own_runs, user, server_id, files):
                    yield page
                    if page.since is not None and page.since < earliest:
                        return
                    if clock() > until:
                        raise CutShortError(f"the history of {server_id} takes more than {SEARCH_SECONDS:.0f} s")

        return search

    async def prove(
        self,
        upstream: Upstream,
        runs: Sequence[ProvingRun],
        search: Search | None,
        states: Mapping[File, FileState] | None = None,
    ) -> list[dict[File, str]]:
        """Return, for each of a user's runs, the Etags of its files that are proven to be theirs.

        The Etag is empty for a file that is missing, or has been replaced since the run. Pass `states` that were read
        while the run was still under way.
        """
        if states is None:
            listed: dict[File, None] = {}
            async for _, run in _in_turns(runs):
                listed |= dict.fromkeys(one.file for one in run.files)
            states = await self.read_states(upstream, listed)
        etags: list[dict[File, str]] = [{} for _ in runs]
        left: list[list[tuple[ListedFile, WriteTime]]] = [[] for _ in runs]
        async for index, run in _in_turns(runs):
            for one in run.files:
                state = states.get(one.file)
                if state is None or not one.may_prove:
                    continue
                if one.file.folder == "input" or state.is_missing:
                    etags[index][one.file] = state.etag
                elif state.written is None:
                    continue
                elif run.wrote(state.written):
                    etags[index][one.file] = state.etag
                elif run.is_over_before(state.written):
                    etags[index][one.file] = ""
                else:
                    left[index].append((one, state.written))
        if any(left):
            await self._find(runs, left, search, states, etags)
            await self._find_copies(upstream, runs, left, states, etags)
        return etags

    async def _find(
        self,
        runs: Sequence[ProvingRun],
        left: Sequence[Sequence[tuple[ListedFile, WriteTime]]],
        search: Search | None,
        states: Mapping[File, FileState],
        etags: Sequence[dict[File, str]],
    ) -> None:
        """Add the Etags of those files left, by run, that the history proves.

        An earlier run of the same user wrote them, with an equal node. Or they were written as the run began, when no
        run of another user was under way.
        """
        early: dict[tuple[int, File], WriteTime] = {}
        times: dict[File, WriteTime] = {}
        waiting: dict[tuple[File, str], list[int]] = {}  # the runs, by what an earlier one has to list
        async for index, ones in _in_turns(left):
            for one, written in ones:
                times[one.file] = written
                if runs[index].began_with(written):
                    early[index, one.file] = written
                if one.signature is not None:
                    waiting.setdefault((one.file, one.signature), []).append(index)

        async def check(earlier: Sequence[ProvingRun]) -> None:
            async for _, run in _in_turns(earlier):
                for one in run.files:
                    if one.signature is None or (one.file, one.signature) not in waiting:
                        continue
                    if one.may_prove and run.wrote(times[one.file]):
                        for index in waiting.pop((one.file, one.signature)):
                            etags[index][one.file] = states[one.file].etag

        await check(runs)
        try:
            if waiting and search is not None:
                async with aclosing(search(times)) as pages:
                    async for page in pages:
                        await check(page.runs)
                        early = _without_covered(early, page.others)
                        if not waiting:
                            break
                    else:
                        for index, file in early:
                            etags[index][file] = states[file].etag
        except CutShortError as error:
            _log.info("%d files are not proven: %s", len(waiting), error)

    async def _find_copies(
        self,
        upstream: Upstream,
        runs: Sequence[ProvingRun],
        left: Sequence[Sequence[tuple[ListedFile, WriteTime]]],
        states: Mapping[File, FileState],
        etags: Sequence[dict[File, str]],
    ) -> None:
        """Add the Etags of those files left that are copies of uploads that their run names: a copy has the same."""
        copies: dict[int, list[File]] = {}
        uploads: dict[File, None] = {}
        async for index, ones in _in_turns(left):
            exact = [one.file for one, written in ones if written.is_exact and one.file not in etags[index]]
            if exact and runs[index].uploads:
                copies[index] = exact
                uploads |= dict.fromkeys(_uploads_of(upstream, runs[index]))
        known = await self.read_states(upstream, uploads)
        for index, files in copies.items():
            own = {known[file].etag for file in _uploads_of(upstream, runs[index]) if file in known} - {""}
            etags[index].update({file: states[file].etag for file in files if states[file].etag in own})

    async def read_states(self, upstream: Upstream, files: Iterable[File]) -> dict[File, FileState]:
        """Return the states of these files, some at a time."""
        wanted = list(islice(dict.fromkeys(files), MOST_FILES))
        places = asyncio.Semaphore(PARALLEL)

        async def read(file: File) -> FileState:
            async with places:
                return await _read_state(upstream, file)

        return dict(zip(wanted, await asyncio.gather(*map(read, wanted)), strict=True))

    async def seal_upload(self, upstream: Upstream, user: User, described: dict[str, Any]) -> None:
        """Seal the file that an upload's answer describes, if it is in this user's folder for uploads."""
        described.pop(KEY, None)
        file = File.of(upstream.server.id, {**described, "filename": described.get("name")})
        if file is not None and file.folder == "input" and file.is_plain and user.has_upload(file.path):
            state = await _read_state(upstream, file)
            described[KEY] = seal(user.keys, user.name, file, state.etag, time.time())

    async def has_all(self, upstream: Upstream, wanted: Collection[Made], search: Search) -> bool:
        """Return whether the user's runs prove each of these files, as it is now.

        `CutShortError` if the search ended before all were found.
        """
        files = [File(upstream.server.id, made.folder, made.subfolder, made.name) for made in wanted]
        states = await self.read_states(upstream, files)
        missing = {file: state.written for file, state in states.items() if state.written is not None}
        if len(missing) < len(files):
            return False
        early: dict[File, WriteTime] = {}
        others: list[Span] = []
        async with aclosing(search(missing)) as pages:
            async for page in pages:
                for run, etags in zip(page.runs, await self.prove(upstream, page.runs, None, states), strict=True):
                    missing = {file: written for file, written in missing.items() if not etags.get(file)}
                    early |= {file: at for file, at in missing.items() if run.began_with(at) and run.lists(file)}
                others += page.others
                if not missing:
                    return True
        return missing.keys() <= _without_covered(early, others).keys()

    async def open(self, upstream: Upstream, named: Mapping[str, str], keys: Keys) -> Terms:
        """Return the terms on which a `/view` passes; `Refused` unless it has our valid seal of this very file."""
        known = Seal.read(named.get(KEY, ""))
        file = File.of(upstream.server.id, named)
        judgement = Judgement.FORGED if known is None or file is None else known.judge(keys, file, time.time())
        if known is None or file is None or judgement is Judgement.FORGED:
            raise RefusedRequest(Refusal(Cause.NOT_YOURS, "This address of a picture was not made here."))
        if judgement is Judgement.EXPIRED:
            raise RefusedRequest(
                Refusal(Cause.LINK_EXPIRED, "This address of a picture is too old; ask for a new one.")
            )
        return Terms(fits=known.fits)

    async def etag(self, upstream: Upstream, named: Mapping[str, str]) -> str:
        """Return the present Etag of the file that a `/view` names; empty if there is none."""
        file = File.of(upstream.server.id, named)
        return "" if file is None else (await _read_state(upstream, file)).etag


async def _in_turns(items: Sequence[T]) -> AsyncGenerator[tuple[int, T]]:
    """Yield each item with its index, and let other work run after each, since one run may list thousands of files."""
    for index, item in enumerate(items):
        yield index, item
        await asyncio.sleep(0)


def _uploads_of(upstream: Upstream, run: ProvingRun) -> list[File]:
    return [File(upstream.server.id, "input", *path.rpartition("/")[::2]) for path in run.uploads]


def _without_covered(early: Mapping[K, WriteTime], others: Collection[Span]) -> dict[K, WriteTime]:
    """Return the files that no other user's run can have written."""
    covered = {written for written in set(early.values()) if any(one.covers(written) for one in others)}
    return {key: written for key, written in early.items() if written not in covered}


@dataclass(frozen=True, slots=True)
class FileState:
    """The current state of a file: its Etag, and when it was written if the server says so."""

    etag: str = ""
    written: WriteTime | None = None
    is_missing: bool = False


async def _read_state(upstream: Upstream, file: File) -> FileState:
    if file.has_backslash and await _is_windows(upstream):
        return FileState(is_missing=True)  # the server would answer with another file
    query = write_query({"filename": file.name, "type": file.folder, "subfolder": file.subfolder})
    try:
        async with (
            upstream.place(upstream.reads),
            asyncio.timeout(upstream.deadlines.read),
            upstream.session(is_fresh=False).head(upstream.url("/view", query)) as reply,
        ):
            if reply.status != 200:
                return FileState(is_missing=True)
            headers: Mapping[str, str] = reply.headers
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise RefusedRequest(upstream.explain(error)) from error
    etag = headers.get("ETag", "")
    return FileState(etag, _written(etag, headers.get("Last-Modified", "")))


async def _is_windows(upstream: Upstream) -> bool:
    """Return whether a server runs on Windows, or does not say what it runs on."""
    match await fetch(upstream, "/system_stats"):
        case {"system": {"os": str(name)}}:
            return name not in _NOT_WINDOWS
    return True


def _written(etag: str, modified: str) -> WriteTime | None:
    """Return when a file was written; whole seconds, as in some headers and file systems, give a range."""
    if found := _TAG.fullmatch(etag):
        nanoseconds = int(found[1], 16)
        seconds = nanoseconds / 1e9
        return WriteTime(seconds, seconds if nanoseconds % 1_000_000_000 else seconds + 1)
    try:
        seconds = email.utils.parsedate_to_datetime(modified).timestamp()
    except ValueError:
        return None
    return WriteTime(seconds, seconds + 1)
