"""Passes a user's requests to a server, so that each shows and changes only the user's own work.

Each listed route to a server has a handler here, and one without a handler is refused. Downloads of models belong to no
user and do not pass here. The owner of a prompt or file follows from the server's own queue and history, read at that
moment; nothing is remembered.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from gateway.fleet.catalogues import Catalogues
from gateway.fleet.classes import REPLACEMENTS, Classes, read_replacements
from gateway.fleet.rules import Rules
from gateway.fleet.server_answers import CATALOGUE, ENTRY, JOBS, MODELS, QUEUE, SMALL
from gateway.fleet.state import FleetState
from gateway.http.answers import json_answer
from gateway.http.budget import BUFFERED, Held, owners_of
from gateway.http.guard import Admitted
from gateway.http.json_reader import Bounds, Scan, build
from gateway.http.moving_deadline import MovingDeadline
from gateway.http.proxy import ABSENT, Proxy, Terms
from gateway.http.queries import SEAL, for_server, write_query
from gateway.http.refusal import Refusal, RefusedRequest, Sent
from gateway.http.routes import ServerCall
from gateway.http.servers import ServerId
from gateway.http.upstream import Upstream
from gateway.http.worker_process import Heavy
from gateway.partner.partner_nodes import PartnerNodes
from gateway.people.accel import hand_over, may_hand_over
from gateway.people.audit import audit
from gateway.people.event_filter import EventFilter
from gateway.people.evidence import ProvingRun, described_files
from gateway.people.files import CutShortError, UserFiles
from gateway.people.models import ModelLists, without_prompts
from gateway.people.projection import (
    PROJECTED,
    OwnEntry,
    Row,
    Running,
    hide_folders_in_text,
    own_entry,
    own_files,
    own_history,
    own_models,
    own_rows,
    project_text,
    read_job,
    read_job_ids,
    read_running,
    seal_files,
    seal_history,
    seal_job,
    seal_jobs,
)
from gateway.people.prompts import Made, SentPrompt, write_prompt_text
from gateway.people.published_only import PublishedOnly
from gateway.people.seals import File
from gateway.people.turns import SubmitTurn, SubmitTurns
from gateway.people.uploads import pass_upload
from gateway.people.upstream_query import (
    fetch,
    fetch_as,
    fetch_rows,
    find_prompt,
    history_pages,
    unexpected_answer,
    work_on,
)
from gateway.people.user import FOLDER, User
from wire.refusals import Cause
from wire.turns import AHEAD
from wire.versions import interrupts_by_id

MOST_JOBS = 100  # of one `/api/jobs`, since each may need a look-up
MOST_HISTORY = 200  # entries of one `/history`, of all users
LARGEST_HISTORY = 4_194_304  # bytes of these entries; older ones are left out
TURN_RETRY = 3.0  # seconds
MOST_QUEUED = 1_000  # prompts of one user on one server
MOST_QUEUED_BYTES = 16_777_216  # of all of these: every user's poll of the queue reads them

_log = logging.getLogger(__name__)
_NOT_YOURS = Refusal(Cause.NOT_YOURS, "This is not yours, or it is not there.")
# The same for all users; /models/{folder} too.
_OPEN = frozenset({"/prompt", "/features", "/embeddings", "/models", "/node_replacements"})


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, its user, and its server."""

    request: web.BaseRequest
    admitted: Admitted
    route: ServerCall
    upstream: Upstream
    user: User

    @property
    def server_id(self) -> ServerId:
        return self.upstream.server.id

    @property
    def last(self) -> str:
        """The last segment of the path, decoded."""
        return unquote(self.route.path.rpartition("/")[2])


_Way = Callable[[_Asked], Awaitable[web.StreamResponse]]


class UserProxy:
    """Passes users' requests on. `rules` are read for each request, since the fleet file may change."""

    def __init__(
        self,
        proxy: Proxy,
        state: FleetState,
        catalogues: Catalogues,
        rules: Callable[[], Rules],
        *,
        partner_nodes: PartnerNodes,
        published_only: PublishedOnly,
        on_undeclared: Callable[[ServerId, str], None],
    ) -> None:
        self._proxy = proxy
        self._state = state
        self._catalogues = catalogues
        self._rules = rules
        self.files = UserFiles()
        self._models = ModelLists()
        self._partner_nodes = partner_nodes
        self._published_only = published_only
        self._on_undeclared = on_undeclared  # counts a server's event that wire.events does not declare
        self.most_queued_bytes = MOST_QUEUED_BYTES
        self._turns = SubmitTurns()

    async def pass_on(
        self, request: web.BaseRequest, admitted: Admitted, upstream: Upstream, user: User
    ) -> web.StreamResponse:
        """Return the answer for this user, or raise `Refused`."""
        assert isinstance(admitted.route, ServerCall)
        asked = _Asked(request, admitted, admitted.route, upstream, user)
        return await self._way(asked)(asked)

    def _way(self, asked: _Asked) -> _Way:
        path = asked.route.path
        exact: dict[str, dict[str, _Way]] = {
            "GET": {
                **dict.fromkeys(_OPEN, self._plain),
                **dict.fromkeys(PROJECTED, self._projected),
                "/history": self._history,
                "/internal/files/output": self._made_files,
                "/api/jobs": self._jobs,
                "/view": self._view,
            },
            "HEAD": {"/view": self._has_file},
            "POST": {
                **dict.fromkeys(("/queue", "/history", "/interrupt"), self._touch),
                "/prompt": self._submit,
                "/upload/image": self._upload,
            },
        }
        below: dict[str, dict[str, _Way]] = {
            "GET": {
                "models": self._model_list,
                "view_metadata": self._model_metadata,
                "experiment": self._models_or_preview,
                "object_info": self._nodes,
                "history": self._entry,
                "api": self._job,
                "userdata": self._saved,
            },
            "POST": {"api": self._cancel_job},
        }
        method = asked.request.method
        by_beginning = below.get(method, {}).get(path.split("/")[1], self._refuse)
        return exact.get(method, {}).get(path, by_beginning)

    async def _refuse(self, _asked: _Asked) -> web.StreamResponse:
        raise RefusedRequest(Refusal(Cause.NOT_ALLOWED, "With users, this is not allowed."))

    async def _plain(self, asked: _Asked, terms: Terms | None = None) -> web.StreamResponse:
        largest = self._state.largest_upload(asked.server_id)
        return await self._proxy.pass_on(asked.request, asked.admitted, asked.upstream, largest, terms or Terms())

    # Reading

    async def _projected(self, asked: _Asked) -> web.StreamResponse:
        path, bounds = asked.route.path, QUEUE if asked.route.path == "/queue" else SMALL
        return await self._answer(asked, path, bounds, project_text, path, asked.user, asked.server_id)

    async def _answer(
        self, asked: _Asked, where: str, bounds: Bounds, work: Callable[..., bytes], *arguments: object
    ) -> web.StreamResponse:
        """Answer with the result of `work` on a server's answer; its user is charged for both."""
        with self._hold(asked) as held:
            text = await fetch_as(asked.upstream, where, bounds, work, *arguments, held=held)
            return await _send(asked, text, held)

    async def _history(self, asked: _Asked) -> web.StreamResponse:
        """Answer with the user's own among the latest entries, as many as requested, within bounds."""
        most = _least(asked.admitted.query.get("max_items", ""), MOST_HISTORY)
        with self._hold(asked) as held:
            await held.reserve(2 * LARGEST_HISTORY)  # the entries, and their copies with seals
            latest: list[OwnEntry] = []
            size = 0
            async for own in history_pages(asked.upstream, most, own_history, asked.user, asked.server_id):
                for entry in reversed(own):
                    size += len(entry.text)
                    if size <= LARGEST_HISTORY or not latest:
                        latest.append(entry)
                if size > LARGEST_HISTORY:
                    break
            etags = await self._prove(asked, {entry.prompt_id: entry.run for entry in latest})
            text = b"{%s}" % b",".join(b"%s:%s" % (_name(entry), entry.text) for entry in reversed(latest))
            latest.clear()
            return await _send(asked, await self._sealed(asked, seal_history, text, etags), held)

    async def _made_files(self, _asked: _Asked) -> web.StreamResponse:
        return json_answer([])  # the whole output folder, which has the files of all users

    async def _entry(self, asked: _Asked) -> web.StreamResponse:
        path, user, server_id = asked.route.path, asked.user, asked.server_id
        with self._hold(asked) as held:
            own = await fetch_as(asked.upstream, path, ENTRY, Heavy(own_entry), user, server_id, held=held)
            if own is None:
                raise RefusedRequest(_NOT_YOURS)
            etags = await self._prove(asked, {one.prompt_id: one.run for one in own})
            text = b"{%s}" % b",".join(b"%s:%s" % (_name(one), one.text) for one in own)
            return await _send(asked, await self._sealed(asked, seal_history, text, etags), held)

    async def _prove(self, asked: _Asked, runs: Mapping[str, ProvingRun]) -> dict[str, dict[File, str]]:
        """Return the Etags of the files that these runs prove to be the user's, by prompt_id."""
        found = await self.files.prove(
            asked.upstream, list(runs.values()), self.files.search_of(asked.upstream, asked.user)
        )
        return dict(zip(runs, found, strict=True))

    async def _sealed(self, asked: _Asked, work: Callable[..., bytes], text: bytes, etags: object) -> bytes:
        return await work_on(asked.upstream, work, text, etags, asked.user, asked.server_id)

    async def _jobs(self, asked: _Asked) -> web.StreamResponse:
        most = _least(asked.admitted.query.get("limit", ""), MOST_JOBS)
        with self._hold(asked) as held:
            where = f"/api/jobs?{write_query({**asked.admitted.query, 'limit': str(most)})}"
            ids, text = await fetch_as(asked.upstream, where, JOBS, read_job_ids, held=held)
            rows = await fetch_rows(asked.upstream)
            found = await asyncio.gather(*(find_prompt(asked.upstream, asked.user, one, rows) for one in ids))
            own = {
                prompt_id: known.run or ProvingRun(())
                for prompt_id, known in zip(ids, found, strict=True)
                if known.is_own
            }
            etags = await self._prove(asked, own)
            return await _send(asked, await self._sealed(asked, seal_jobs, text, etags), held)

    async def _job(self, asked: _Asked) -> web.StreamResponse:
        with self._hold(asked) as held:  # a 404 is passed on to any user
            text = await fetch_as(asked.upstream, asked.route.path, ENTRY, read_job, held=held)
            known = await find_prompt(asked.upstream, asked.user, asked.last, await fetch_rows(asked.upstream))
            if not known.is_own:
                raise RefusedRequest(_NOT_YOURS)
            etags = await self._prove(asked, {asked.last: known.run or ProvingRun(())})
            return await _send(asked, await self._sealed(asked, seal_job, text, etags[asked.last]), held)

    def _hold(self, asked: _Asked) -> Held:
        """Return the place of an answer that is held in memory, which its user is charged for."""
        return self._proxy.budget.answers.hold(*owners_of(asked.request))

    async def _nodes(self, asked: _Asked) -> web.StreamResponse:
        return await self._answer(asked, asked.route.path, CATALOGUE, own_files, asked.user)

    async def _model_list(self, asked: _Asked) -> web.StreamResponse:
        return await self._answer(asked, asked.route.path, MODELS, own_models, asked.user)

    async def _model_metadata(self, asked: _Asked) -> web.StreamResponse:
        if asked.admitted.query["filename"].startswith(f"{FOLDER}/"):
            return web.Response(status=ABSENT, headers={"Cache-Control": "no-store"})
        where = f"{asked.route.path}?{for_server(asked.admitted.query)}"
        try:
            return await self._answer(asked, where, MODELS, without_prompts)
        except RefusedRequest as error:
            if error.refusal.cause not in {Cause.NOT_LISTED, Cause.UPSTREAM_REFUSED}:
                raise
            return web.Response(status=ABSENT, headers={"Cache-Control": "no-store"})

    async def _models_or_preview(self, asked: _Asked) -> web.StreamResponse:
        if asked.route.is_model_preview and not await self._models.has_preview(asked.upstream, asked.route.path):
            return web.Response(status=ABSENT, headers={"Cache-Control": "no-store"})
        return await (self._plain if asked.route.is_model_preview else self._model_list)(asked)

    async def _view(self, asked: _Asked) -> web.StreamResponse:
        terms = await self.files.open(asked.upstream, asked.admitted.query, asked.user.keys)
        request, server = asked.request, asked.upstream.server
        if terms.fits is not None and may_hand_over(request.headers, request.remote or "", server, self._rules()):
            etag = await self.files.etag(asked.upstream, asked.admitted.query)
            if (handed := hand_over(server, for_server(asked.admitted.query), etag, terms.fits)) is not None:
                return handed
        return await self._plain(asked, terms)

    async def _has_file(self, asked: _Asked) -> web.StreamResponse:
        """Answer whether the server has a file: with a seal as for a GET, or if this user's prompts may name it."""
        named = asked.admitted.query
        if SEAL in named:
            return await self._view(asked)
        file = File.of(asked.server_id, named)
        if file is None or not file.is_plain:
            raise RefusedRequest(Refusal(Cause.BAD_REQUEST, "A file is named by filename, subfolder and type."))
        if file.folder != "input":
            is_own = await self._is_made_by(asked, frozenset({Made(file.folder, file.subfolder, file.name)}))
        else:
            is_own = asked.user.has_upload(file.path)
        if not is_own:
            return web.Response(status=ABSENT, headers={"Cache-Control": "no-store"})
        return await self._plain(asked)

    async def _saved(self, asked: _Asked) -> web.StreamResponse:
        if not self._rules().share_workflows:
            raise RefusedRequest(
                Refusal(Cause.NOT_ALLOWED, "The workflows that are saved on the servers are not shared.")
            )
        return await self._plain(asked)

    # Changing

    async def _submit(self, asked: _Asked) -> web.StreamResponse:
        turn = self._turns.of(asked.server_id, asked.user.name)
        terms = Terms(
            rewrite=lambda body, scan: self._write_prompt(asked, body, scan, turn),
            ended=turn.end,
            shown=lambda text: hide_folders_in_text(text, asked.user),  # an error lists an input's choices
        )
        return await self._plain(asked, terms)

    async def _write_prompt(self, asked: _Asked, raw: bytes, scan: Scan, turn: SubmitTurn) -> bytes:
        rules = self._rules()
        if rules.only_published and not asked.user.runs_fleet:
            await self._check_published((await asyncio.to_thread(build, raw))["prompt"])
        classes = await self._classes(asked)
        try:
            written = await asked.upstream.worker.run(
                scan, write_prompt_text, raw, asked.user, asked.server_id, rules, classes
            )
        except RefusedRequest as error:
            if error.refusal.cause is Cause.DENIED_NODE:  # perhaps the server has installed it recently
                self._catalogues.reread(asked.server_id)
            raise
        await self._check_made(asked, written.made)
        # A user's second prompt is counted after the first is queued.
        await turn.take(asked.upstream.deadlines.turn, written.prompt_id)
        await self._check_new(asked, written, rules, turn)
        name = asked.user.name
        body = await self._partner_nodes.write(asked.upstream, written.text, scan, name)
        has_key = None if body is written.text else True
        audit("prompt", name=name, server=asked.server_id, id=written.prompt_id, has_key=has_key)
        return body

    async def _classes(self, asked: _Asked) -> Classes:
        """Return the server's node classes and its replacements for old names."""
        known = await self._catalogues.node_classes(asked.server_id)
        if known is None:
            raise RefusedRequest(
                Refusal(Cause.UPSTREAM_BUSY, f"{asked.server_id} has not reported its nodes yet; retry.")
            )
        try:
            return Classes(known, read_replacements(await fetch(asked.upstream, REPLACEMENTS)))
        except ValueError as error:
            raise RefusedRequest(unexpected_answer(asked.server_id)) from error
        except RefusedRequest as error:
            if error.refusal.cause is not Cause.NOT_LISTED:
                raise
            return Classes(known)  # an older server

    async def _check_published(self, prompt: Mapping[str, Any]) -> None:
        if not await asyncio.to_thread(self._published_only.allows, prompt):
            raise RefusedRequest(Refusal(Cause.NOT_ALLOWED, "Only the published workflows may be run here."))

    async def _check_new(self, asked: _Asked, written: SentPrompt, rules: Rules, turn: SubmitTurn) -> None:
        """Refuse an id that a prompt on the server has, and too many or too large prompts of this user.

        A prompt whose turn has not come is refused too: the page sends it again once less is ahead.
        """
        prompt_id = written.prompt_id
        rows = await fetch_rows(asked.upstream)
        known = await find_prompt(asked.upstream, asked.user, prompt_id, rows)
        own = own_rows(rows, asked.user, asked.server_id)
        if known.is_own is not None:
            message = "This prompt was sent already: look it up in the queue and the history."
            raise RefusedRequest(Refusal(Cause.ALREADY_SENT, message, Sent.UNKNOWN))

        async def is_shown(prompt_id: str) -> bool:
            return (await find_prompt(asked.upstream, asked.user, prompt_id, rows)).is_own is not None

        count = len(own) + await turn.count_unclear(is_shown)
        most = MOST_QUEUED if rules.max_pending_per_user is None else rules.max_pending_per_user
        if count >= most:
            message = f"You have {most} prompts on {asked.server_id} already, which is the limit."
            raise RefusedRequest(Refusal(Cause.TOO_MANY_PROMPTS, message))
        if count >= AHEAD and not written.is_unbounded:
            message = f"You have {count} prompts on {asked.server_id} already; this one is sent when one has ended."
            raise RefusedRequest(Refusal(Cause.NOT_YOUR_TURN, message, retry_after=TURN_RETRY))
        queued = sum(row.size for row in own)
        if queued + len(written.text) > self.most_queued_bytes:
            message = (
                f"Your prompts on {asked.server_id} have {queued:,} bytes already; {self.most_queued_bytes:,} may wait"
            )
            raise RefusedRequest(Refusal(Cause.TOO_MANY_PROMPTS, message))

    async def _check_made(self, asked: _Asked, made: frozenset[Made]) -> None:
        """Raise `Refused` unless each of these files is in the user's own history."""
        if made and not await self._is_made_by(asked, made):
            raise RefusedRequest(
                Refusal(Cause.NOT_YOURS, "The prompt names a picture that is not yours, or not there.")
            )

    async def _is_made_by(self, asked: _Asked, made: frozenset[Made]) -> bool:
        try:
            return await self.files.has_all(asked.upstream, made, self.files.search_of(asked.upstream, asked.user))
        except CutShortError as error:
            message = f"Whether this file is yours could not be found out in time: {error}. Retry."
            raise RefusedRequest(Refusal(Cause.UPSTREAM_BUSY, message)) from error

    async def _upload(self, asked: _Asked) -> web.StreamResponse:
        largest = self._state.largest_upload(asked.server_id)
        with self._proxy.budget.bodies.hold(*owners_of(asked.request)) as held:
            held.take(BUFFERED)
            stored = await pass_upload(asked.request, asked.upstream, asked.user, largest)
        await self.files.seal_upload(asked.upstream, asked.user, stored)
        return json_answer(stored)

    async def _touch(self, asked: _Asked) -> web.StreamResponse:
        return await self._plain(asked, Terms(rewrite=lambda body, _: self._check_touch(asked, body)))

    async def _check_touch(self, asked: _Asked, raw: bytes) -> bytes:
        body = build(raw, is_strict=True)
        if asked.route.path == "/interrupt" and not interrupts_by_id(self._state.condition(asked.server_id).version):
            message = f"{asked.server_id} may interrupt another's prompt: its ComfyUI is too old to interrupt by id."
            raise RefusedRequest(Refusal(Cause.NOT_ALLOWED, message))
        rows = await fetch_rows(asked.upstream)
        for prompt_id in [body["prompt_id"]] if "prompt_id" in body else body["delete"]:
            await self._check_own(asked, prompt_id, rows)
        return raw

    async def _cancel_job(self, asked: _Asked) -> web.StreamResponse:
        await self._check_own(asked, unquote(asked.route.path.split("/")[-2]))
        return await self._plain(asked)

    async def _check_own(self, asked: _Asked, prompt_id: str, rows: tuple[Row, ...] | None = None) -> None:
        known = await fetch_rows(asked.upstream) if rows is None else rows
        if (await find_prompt(asked.upstream, asked.user, prompt_id, known)).is_own is False:
            raise RefusedRequest(_NOT_YOURS)

    def event_filter(self, upstream: Upstream, user: User, client_id: str) -> EventFilter:
        """Return the filter of a user's socket."""

        async def owns(prompt_id: str | None) -> bool | None:
            try:
                rows = await fetch_rows(upstream)
                if prompt_id is None:
                    running = [row for row in rows if row.is_running]
                    return bool(running) and len(own_rows(running, user, upstream.server.id)) == len(running)
                return (await find_prompt(upstream, user, prompt_id, rows)).is_own
            except RefusedRequest as error:
                _log.info("%s: the owner of a prompt is unknown (%s)", upstream.server.id, error)
                return None

        async def seal(data: dict[str, Any], began: float | None) -> None:
            try:
                await self._seal_event(upstream, user, data, began)
            except RefusedRequest as error:
                _log.info("%s: an event is sent without its files (%s)", upstream.server.id, error)

        return EventFilter(client_id, owns, seal, partial(self._on_undeclared, upstream.server.id))

    async def _seal_event(self, upstream: Upstream, user: User, data: dict[str, Any], began: float | None) -> None:
        """Seal the files of an `executed` event; `began` is when its prompt started."""
        node_id, prompt_id = str(data.get("node")), data["prompt_id"]
        outputs = {node_id: data.get("output")}
        places, server_id = list(described_files(outputs)), upstream.server.id
        files = [file for _, described in places if (file := File.of(server_id, described)) is not None]
        if not files:
            return
        running = Running(prompt_id, outputs, began)
        # Before the queue: whatever was written until then was written by the prompt that still runs.
        states = await self.files.read_states(upstream, (file for file in files if file.is_plain_without_windows))
        run = await fetch_as(upstream, "/queue", QUEUE, Heavy(read_running), running, user, server_id)
        if run is None:  # it has ended in the meantime
            run = (await find_prompt(upstream, user, prompt_id, ())).run
        if run is not None:
            (etags,) = await self.files.prove(upstream, [run], self.files.search_of(upstream, user), states)
            seal_files(places, etags, user, server_id)


async def _send(asked: _Asked, body: bytes, held: Held) -> web.StreamResponse:
    """Send JSON while it is held, so that it is charged for until the browser has taken it."""
    held.shrink(len(body))
    answer = json_answer(b"")
    answer.body = body
    async with MovingDeadline(asked.upstream.deadlines.idle):
        await answer.prepare(asked.request)
        await answer.write_eof()
    return answer


def _name(entry: OwnEntry) -> bytes:
    return json.dumps(entry.prompt_id).encode()


def _least(text: str, most: int) -> int:
    return min(int(text), most) if text.isdecimal() and len(text) < 9 else most
