"""The files made by users' prompts: sealed in each answer that lists them, and opened by requests with the seal."""

from __future__ import annotations

import asyncio
import email.utils
import re
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import aiohttp

from gateway.http.proxy import Terms
from gateway.http.queries import write_query
from gateway.http.refusal import Cause, Refusal, Refused
from gateway.http.upstream import Upstream
from gateway.people.evidence import MADE, Run, Runs, Written, all_texts, described_files
from gateway.people.keys import Keys
from gateway.people.person import Person
from gateway.people.prompts import Made
from gateway.people.seals import KEY, File, Judgement, Seal, seal
from gateway.people.upstream_query import fetch

PARALLEL = 8  # requests about the files of one answer
MOST_FILES = 2_000  # of one answer; further ones get no seal
MOST_UPLOADS = 20  # of one prompt, of which a file may be a copy
_TAG = re.compile(r'(?:W/)?"([0-9a-f]{8,20})-[0-9a-f]+"')  # aiohttp's: nanoseconds of the change, size
_NOT_WINDOWS = frozenset({"posix", "linux", "darwin"})  # os.name of older servers, sys.platform of newer ones


Recent = Callable[[], Awaitable[Runs]]  # reads the runs in the server's history, only if needed


class Files:
    """Seals files, and checks seals."""

    async def seal_entry(self, upstream: Upstream, person: Person, entry: dict[str, Any], recent: Recent) -> None:
        """Seal the files that a history entry of this user proves to be theirs."""
        run = Run.of(upstream.server.id, entry)
        if run is not None:
            await self.seal_outputs(upstream, person, run, recent, described_files(entry["outputs"]))

    async def seal_outputs(
        self,
        upstream: Upstream,
        person: Person,
        run: Run,
        recent: Recent,
        places: Iterable[tuple[str, dict[str, Any]]],
    ) -> None:
        """Seal the files described here that the run proves to be this user's."""
        etags: dict[File, str] | None = None
        for _, described in places:
            described.pop(KEY, None)
            file = File.of(upstream.server.id, described)
            if etags is None:
                etags = await self._prove(upstream, person, run, recent)
            if file is not None and file in etags:
                described[KEY] = seal(person.keys, person.name, file, etags[file], time.time())

    async def seal_upload(self, upstream: Upstream, person: Person, described: dict[str, Any]) -> None:
        """Seal the file that an upload's answer describes, if it is in this user's folder for uploads."""
        described.pop(KEY, None)
        file = File.of(upstream.server.id, {**described, "filename": described.get("name")})
        if file is not None and file.folder == "input" and file.is_plain and person.has_upload(file.path):
            state = await _read_state(upstream, file)
            described[KEY] = seal(person.keys, person.name, file, state.etag, time.time())

    async def has_all(
        self, upstream: Upstream, person: Person, own: Iterable[Run], wanted: Collection[Made], recent: Recent
    ) -> bool:
        """Return whether one of these runs of the user proves each wanted file, and each is unchanged since."""
        missing = {File(upstream.server.id, made.folder, made.subfolder, made.name) for made in wanted}
        for run in own:
            listed = missing.intersection(file for _, file in run.files())
            if listed:
                etags = await self._prove(upstream, person, run, recent, listed)
                missing -= {file for file, etag in etags.items() if etag}
        return not missing

    async def _prove(
        self, upstream: Upstream, person: Person, run: Run, recent: Recent, among: Collection[File] | None = None
    ) -> dict[File, str]:
        """Return the Etags of the files that this run proves to be the user's; empty for one that has changed since."""
        listed = await asyncio.to_thread(_claimed, run, person, among)
        places = asyncio.Semaphore(PARALLEL)

        async def read_state(file: File) -> State:
            async with places:
                return await _read_state(upstream, file)

        states = await asyncio.gather(*(read_state(file) for file in listed))
        etags: dict[File, str] = {}
        uploads: Collection[str] | None = None
        for (file, node_id), state in zip(listed.items(), states, strict=True):
            is_proven = await self._is_proven(run, node_id, file, state, recent)
            if not is_proven and state.written is not None and state.written.is_exact:
                uploads = await _read_uploads(upstream, person, run) if uploads is None else uploads
                is_proven = state.etag in uploads
            if is_proven:
                etags[file] = state.etag
            elif state.written is not None and run.is_over_before(state.written):
                etags[file] = ""
        return etags

    async def _is_proven(self, run: Run, node_id: str, file: File, state: State, recent: Recent) -> bool:
        if file.folder == "input" or state.is_missing:
            return True
        if state.written is None:
            return False
        if run.wrote(state.written):
            return True
        return await asyncio.to_thread((await recent()).prove, run, node_id, file, state.written)

    async def open(self, upstream: Upstream, named: Mapping[str, str], keys: Keys) -> Terms:
        """Return the terms on which a `/view` passes; `Refused` unless it has our valid seal of this very file."""
        known = Seal.read(named.get(KEY, ""))
        file = File.of(upstream.server.id, named)
        judgement = Judgement.FORGED if known is None or file is None else known.judge(keys, file, time.time())
        if known is None or file is None or judgement is Judgement.FORGED:
            raise Refused(Refusal(Cause.NOT_YOURS, "This address of a picture was not made here."))
        if judgement is Judgement.EXPIRED:
            raise Refused(Refusal(Cause.LINK_EXPIRED, "This address of a picture is too old; ask for a new one."))
        return Terms(fits=known.fits)

    async def etag(self, upstream: Upstream, named: Mapping[str, str]) -> str:
        """Return the present Etag of the file that a `/view` names; empty if there is none."""
        file = File.of(upstream.server.id, named)
        return "" if file is None else (await _read_state(upstream, file)).etag


def _claimed(run: Run, person: Person, among: Collection[File] | None) -> dict[File, str]:
    """Return the files of a run that may be this user's, each with its node, before they are checked."""
    found: dict[File, str] = {}
    for node_id, described in described_files(run.outputs):
        file = File.of(run.server_id, described)
        if file is None or file in found or (among is not None and file not in among):
            continue
        is_theirs = person.has_upload(file.path) if file.folder == "input" else file.folder in MADE
        if is_theirs and file.is_plain_without_windows and (file.folder == "input" or not run.names(file)):
            found[file] = node_id
        if len(found) == MOST_FILES:
            break
    return found


async def _read_uploads(upstream: Upstream, person: Person, run: Run) -> Collection[str]:
    """Return the Etags of the uploads that a prompt names; a copy that keeps its time has the Etag of its original."""
    paths = sorted({text.removesuffix(" [input]") for text in all_texts(run.prompt)})
    files = (File(upstream.server.id, "input", *path.rpartition("/")[::2]) for path in paths if person.has_upload(path))
    states = [await _read_state(upstream, file) for file in islice(files, MOST_UPLOADS)]
    return {state.etag for state in states} - {""}


@dataclass(frozen=True, slots=True)
class State:
    """The current state of a file: its Etag, and when it was written if the server says so."""

    etag: str = ""
    written: Written | None = None
    is_missing: bool = False


async def _read_state(upstream: Upstream, file: File) -> State:
    if file.has_backslash and await _is_windows(upstream):
        return State(is_missing=True)  # the server would answer with another file
    query = write_query({"filename": file.name, "type": file.folder, "subfolder": file.subfolder})
    try:
        async with (
            upstream.place(upstream.reads),
            asyncio.timeout(upstream.deadlines.read),
            upstream.session(is_fresh=False).head(upstream.url("/view", query)) as reply,
        ):
            if reply.status != 200:
                return State(is_missing=True)
            headers: Mapping[str, str] = reply.headers
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Refused(upstream.explain(error)) from error
    etag = headers.get("ETag", "")
    return State(etag, _written(etag, headers.get("Last-Modified", "")))


async def _is_windows(upstream: Upstream) -> bool:
    """Return whether a server runs on Windows, or does not say what it runs on."""
    match await fetch(upstream, "/system_stats"):
        case {"system": {"os": str(name)}}:
            return name not in _NOT_WINDOWS
    return True


def _written(etag: str, modified: str) -> Written | None:
    """Return when a file was written; whole seconds, as in some headers and file systems, give a range."""
    if found := _TAG.fullmatch(etag):
        nanoseconds = int(found[1], 16)
        seconds = nanoseconds / 1e9
        return Written(seconds, seconds if nanoseconds % 1_000_000_000 else seconds + 1)
    try:
        seconds = email.utils.parsedate_to_datetime(modified).timestamp()
    except ValueError:
        return None
    return Written(seconds, seconds + 1)
