"""Passes HTTP requests to a server: streamed both ways with backpressure, buffered only if the body is small JSON.

Every wait has a deadline that is shorter than the browser's. `sent=no` is sent only if no byte can have been acted
on; see `gateway/http/refusal.py`. A POST whose body is in memory is completed even if the browser disconnects, so
that a closed tab cannot cut a submit in half; every other request is aborted with the browser.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from gateway.http.bodies import BOUNDS, LARGEST_JSON, LARGEST_SHOWN, examine_body
from gateway.http.budget import BUFFERED, Budget, Held, owners_of
from gateway.http.guard import Admitted
from gateway.http.headers import request_headers, response_headers
from gateway.http.json_reader import JsonError, Scan, TooMuch
from gateway.http.lanes import Ticket
from gateway.http.moving_deadline import MovingDeadline
from gateway.http.once import SentOnce
from gateway.http.queries import for_server
from gateway.http.refusal import Refusal, RefusedRequest, Sent
from gateway.http.routes import RequiredBody, ServerCall
from gateway.http.servers import ServerId
from gateway.http.upstream import Upstream, check_redirect
from wire.refusals import Cause

_log = logging.getLogger(__name__)
ABSENT = 204  # a missing file is a normal answer, and browsers log failures
PREVIEW_CACHE = "private, max-age=600"  # of models' pictures: they have no ETag, and seldom change
_NO_EXTRA = {404, 500}  # a model lacks it; ComfyUI answers 500 if it cannot read the file's header
LARGEST_STATUS = 599
LEAST_CHARGED = 65_536  # bytes of an answer to a prompt: nearly all have some hundred
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EMPTY = {204, 304}
_HAS_FILE = {200, 206, 304}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def _as_it_is(body: bytes, _scan: Scan) -> bytes:
    return body


@dataclass(frozen=True, slots=True)
class Terms:
    """The special terms of one request: how its JSON body is rewritten, and which file is meant.

    `rewrite` may refuse. For a prompt it runs in the task that outlives the browser, and `ended` is called once the
    server has answered, or the task ends, with whether it is known what became of the prompt. `fits` checks the Etag of
    a server's answer to `/view`, whose file may have been replaced. `shown` changes the body of an answer, which is
    then read whole.
    """

    rewrite: Callable[[bytes, Scan], Awaitable[bytes]] = _as_it_is
    ended: Callable[[bool], None] = lambda _: None
    fits: Callable[[str], bool] | None = None
    shown: Callable[[bytes], bytes] | None = None


PLAIN = Terms()


class Proxy:
    """Passes admitted requests on. Keeps the submits that outlive their browser until they are answered."""

    def __init__(self) -> None:
        self.budget = Budget()
        self._carried: set[asyncio.Task[web.StreamResponse]] = set()
        self._sent = SentOnce()

    async def close(self) -> None:
        """Cancel the remaining submits."""
        for task in self._carried:
            task.cancel()
        await asyncio.gather(*self._carried, return_exceptions=True)

    async def pass_on(
        self,
        request: web.BaseRequest,
        admitted: Admitted,
        upstream: Upstream,
        largest_upload: int,
        terms: Terms = PLAIN,
    ) -> web.StreamResponse:
        """Return the server's answer to an admitted request, or raise `Refused`."""
        assert isinstance(admitted.route, ServerCall)
        call = _Call(
            request, admitted, admitted.route, upstream, self.budget, largest_upload=largest_upload, terms=terms
        )
        match admitted.body:
            case RequiredBody.NONE:
                return await call.read()
            case RequiredBody.UPLOAD:
                with self.budget.bodies.hold(*owners_of(request)) as held:
                    held.take(BUFFERED)
                    return await call.upload()
            case _:
                with contextlib.ExitStack() as stack:
                    held = stack.enter_context(self.budget.bodies.hold(*owners_of(request)))
                    taken = await call.take_body(held)
                    if taken.prompt_id is None:  # nothing is sent yet, so it ends with the browser
                        work = call.submit(await call.rewritten(taken))
                    else:
                        work = self._send_once(call, taken, taken.prompt_id, upstream.server.id)
                    task = asyncio.create_task(work)
                    self._carried.add(task)
                    task.add_done_callback(self._settle)
                    release = stack.pop_all().close  # hold the body until its answer, even without a browser
                    task.add_done_callback(lambda _: release())
                return await asyncio.shield(task)

    async def _send_once(self, call: _Call, taken: _Taken, prompt_id: str, server_id: ServerId) -> web.StreamResponse:
        is_clear = True
        try:
            with self._sent.claim(server_id, prompt_id):
                return await call.submit(await call.rewritten(taken))
        except RefusedRequest as error:
            is_clear = error.refusal.sent is Sent.NO
            raise
        finally:
            call.terms.ended(is_clear)

    def _settle(self, task: asyncio.Task[web.StreamResponse]) -> None:
        self._carried.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.debug("a request without its browser ended: %s", task.exception())


@dataclass(frozen=True, slots=True)
class _Taken:
    """A JSON body in memory, and the prompt_id if it submits one."""

    body: bytes
    scan: Scan
    prompt_id: str | None


def invite(request: web.BaseRequest) -> None:
    """Ask a client that waits for it (curl does) to send its body."""
    if "Expect" in request.headers and request.transport is not None:
        request.transport.write(_CONTINUE)


def upload_ended(upstream: Upstream) -> Refusal:
    """Return the refusal of a slow upload whose user had more places than waiting users."""
    message = f"This upload took long while others waited for {upstream.server.id}. Send it again."
    return Refusal(Cause.UPSTREAM_BUSY, message, Sent.UNKNOWN)


class _Answer(web.StreamResponse):
    """A streaming answer; if a part of its body has arrived already, its headers are sent with that, in one packet."""

    def begin_with(self, chunk: bytes) -> bytes:
        """Return the part of the body that has arrived; it must be written next."""
        self._send_headers_immediately = not chunk
        return chunk


class _Call:
    """One request to a server."""

    def __init__(
        self,
        request: web.BaseRequest,
        admitted: Admitted,
        route: ServerCall,
        upstream: Upstream,
        budget: Budget,
        *,
        largest_upload: int,
        terms: Terms,
    ) -> None:
        self.terms = terms
        self._budget = budget
        self._request = request
        self._body = admitted.body
        self._method = request.method
        self._route = route
        self._upstream = upstream
        self._largest_upload = largest_upload
        self._query = for_server(admitted.query)
        self._filename = admitted.query.get("filename", "")
        self._headers = request_headers(request.headers, origin=upstream.origin)
        self._is_read = bool(upstream.secrets) or terms.shown is not None
        if self._is_read:  # an answer is masked as plain text, and as a whole
            self._headers.pop("Accept-Encoding", None)
            if not route.is_view:
                self._headers.pop("Range", None)
        self._fault: Refusal | None = None

    async def read(self) -> web.StreamResponse:
        """Forward a GET or HEAD."""
        deadlines = self._upstream.deadlines
        is_view = self._route.is_view or self._route.is_model_preview
        wait = deadlines.view if is_view else deadlines.read
        lane = self._upstream.views if is_view else self._upstream.reads
        async with self._upstream.place(lane) as ticket:
            return await self._exchange(data=None, deadline=MovingDeadline(wait), ticket=ticket)

    async def take_body(self, held: Held) -> _Taken:
        """Read the whole JSON body; `Refused` if it is too large, too slow, invalid, or over the budget.

        Only what arrives is charged: a length costs its sender nothing, and must take no room from others.
        """
        limit = min(LARGEST_JSON, self._largest_upload)
        self._check_length(limit)
        invite(self._request)
        chunks: list[bytes] = []
        scan = Scan(BOUNDS)
        try:
            async with (
                MovingDeadline(self._upstream.deadlines.body),
                MovingDeadline(self._upstream.deadlines.idle) as deadline,
            ):
                while chunk := await self._next_chunk(deadline, Sent.NO):
                    if scan.size + len(chunk) > limit:
                        raise RefusedRequest(self._too_large(limit, Sent.NO))
                    held.take(scan.size + len(chunk))
                    scan.feed(chunk)
                    chunks.append(chunk)
        except TimeoutError as error:
            raise RefusedRequest(Refusal(Cause.BAD_REQUEST, "The body did not arrive in time.")) from error
        except JsonError as error:
            cause = Cause.TOO_LARGE if isinstance(error, TooMuch) else Cause.REFUSED_BODY
            raise RefusedRequest(Refusal(cause, str(error))) from error
        body = b"".join(chunks)
        del chunks
        examined = await self._upstream.worker.run(scan, examine_body, body, self._body)
        if examined.fault is not None:
            cause = Cause.TOO_LARGE if examined.is_too_much else Cause.REFUSED_BODY
            raise RefusedRequest(Refusal(cause, examined.fault))
        return _Taken(body, scan, examined.prompt_id)

    async def rewritten(self, taken: _Taken) -> bytes:
        """Return the body for the server. Nothing is sent before, so a failure of a question about it is certain."""
        try:
            return await self.terms.rewrite(taken.body, taken.scan)
        except RefusedRequest as error:
            if error.refusal.cause is Cause.ALREADY_SENT:
                raise
            raise RefusedRequest(replace(error.refusal, sent=Sent.NO)) from error

    async def submit(self, body: bytes) -> web.StreamResponse:
        """Forward a POST whose body is in memory."""
        if body:
            # Without parameters: we checked the body as UTF-8, and the server must not read it as anything else.
            self._headers["Content-Type"] = "application/json"
        async with self._upstream.place(self._upstream.submits):
            deadline = MovingDeadline(self._upstream.deadlines.submit)
            return await self._exchange(data=io.BytesIO(body), deadline=deadline)

    async def upload(self) -> web.StreamResponse:
        """Forward a POST while its body streams; the deadline moves with each chunk."""
        self._check_length(self._largest_upload)
        self._headers["Content-Type"] = self._request.headers["Content-Type"]
        if self._request.content_length is not None:
            self._headers["Content-Length"] = str(self._request.content_length)
        async with self._upstream.place(self._upstream.uploads) as ticket:
            invite(self._request)
            deadline = MovingDeadline(self._upstream.deadlines.idle)
            ticket.give_back = lambda: self._end_upload(deadline)
            return await self._exchange(data=self._pour(deadline), deadline=deadline)

    def _end_upload(self, deadline: MovingDeadline) -> None:
        self._fault = upload_ended(self._upstream)
        deadline.expire()

    async def _pour(self, deadline: MovingDeadline) -> AsyncIterator[bytes]:
        """Yield the browser's body. An error is stored, since aiohttp's client hides which side failed."""
        passed = 0
        try:
            while chunk := await self._next_chunk(deadline, Sent.UNKNOWN):
                passed += len(chunk)
                if passed > self._largest_upload:
                    raise RefusedRequest(self._too_large(self._largest_upload, Sent.UNKNOWN))
                yield chunk
            deadline.renew()  # from here on it is the server's turn
        except RefusedRequest as error:
            self._fault = error.refusal
            raise

    async def _next_chunk(self, deadline: MovingDeadline, sent: Sent) -> bytes:
        try:
            chunk = await self._request.content.readany()
            deadline.moved(len(chunk))
            return chunk
        except web.RequestPayloadError as error:
            raise RefusedRequest(Refusal(Cause.BAD_REQUEST, "The body has invalid framing.", sent)) from error

    async def _exchange(
        self, *, data: io.BytesIO | AsyncIterator[bytes] | None, deadline: MovingDeadline, ticket: Ticket | None = None
    ) -> web.StreamResponse:
        session = self._upstream.session(is_fresh=data is not None)
        answer: _Answer | None = None
        try:
            async with deadline:
                reply = await session.request(
                    self._method,
                    self._upstream.url(self._route.path, self._query),
                    data=data,
                    headers=self._headers,
                    # As a middleware, the check of every session costs more than the request's own checks.
                    allow_redirects=False,
                    middlewares=(),
                )
                self.terms.ended(True)
                check_redirect(reply)
                self._check_final(reply)
                async with reply:
                    deadline.renew(self._upstream.deadlines.idle)
                    self._check_file(reply)
                    self._check_coding(reply)
                    answer = self._begin(reply)
                    if ticket is not None:
                        ticket.give_back = deadline.expire
                    if self.terms.shown is None:
                        await self._stream(reply, answer, deadline)
                    else:
                        await self._show(reply, answer, self.terms.shown)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            if answer is None:
                raise RefusedRequest(self._fault or self._upstream.explain(error)) from error
            # The headers are sent, so break the connection: a clean end would look complete.
            _log.info("%s: an answer was cut short: %s", self._upstream.server.id, error)
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionResetError("the answer was cut short") from error
        return answer

    def _check_file(self, reply: aiohttp.ClientResponse) -> None:
        """Refuse the answer if the file is not the one that was meant: its name has been reused."""
        fits = self.terms.fits
        if fits is not None and reply.status in _HAS_FILE and not fits(reply.headers.get("ETag", "")):
            raise RefusedRequest(Refusal(Cause.PICTURE_CHANGED, "Another file has this name by now."))

    def _check_final(self, reply: aiohttp.ClientResponse) -> None:
        """Refuse an answer such as 101, after which the connection would speak another protocol; and unknown ones."""
        if not HTTPStatus.OK <= reply.status <= LARGEST_STATUS:
            reply.close()
            message = f"{self._upstream.server.id} answered with status {reply.status}, which was not requested."
            raise RefusedRequest(Refusal(Cause.NOT_COMFYUI, message, Sent.UNKNOWN))

    def _check_coding(self, reply: aiohttp.ClientResponse) -> None:
        if self._is_read and "Content-Encoding" in reply.headers:
            message = f"{self._upstream.server.id} sends compressed answers, which were not requested."
            raise RefusedRequest(Refusal(Cause.NOT_COMFYUI, message, Sent.UNKNOWN))

    def _begin(self, reply: aiohttp.ClientResponse) -> _Answer:
        sent = {name: self._upstream.secrets.mask_text(value) for name, value in reply.headers.items()}
        sent = {name: value for name, value in sent.items() if not _CONTROL.search(value)}  # aiohttp sends none
        headers = response_headers(CIMultiDict(sent), is_view=self._route.is_view, filename=self._filename)
        missing = _NO_EXTRA if self._route.is_model_extra else {404} if self._method == "HEAD" else set()
        status = ABSENT if reply.status in missing else reply.status
        if self._route.is_model_preview and status in {200, ABSENT}:
            headers["Cache-Control"] = PREVIEW_CACHE
        answer = _Answer(status=status, headers=headers)
        if self._method != "HEAD" and status not in _EMPTY and (length := reply.content_length) is not None:
            answer.content_length = length
        return answer

    async def _stream(self, reply: aiohttp.ClientResponse, answer: _Answer, deadline: MovingDeadline) -> None:
        masked = self._upstream.secrets.stream()
        chunk = answer.begin_with(masked.feed(reply.content.read_nowait()))
        await answer.prepare(self._request)
        while True:
            if chunk:
                deadline.renew()
                await answer.write(chunk)
                deadline.renew()
            read = await reply.content.readany()
            if not read:
                break
            chunk = masked.feed(read)
        await answer.write_eof(masked.end())

    async def _show(self, reply: aiohttp.ClientResponse, answer: _Answer, shown: Callable[[bytes], bytes]) -> None:
        """Send what is shown of a small answer. It is charged until the browser has taken it."""
        try:
            with self._budget.answers.hold(*owners_of(self._request)) as held:
                text = shown(self._upstream.secrets.mask(await self._read_whole(reply, held)))
                held.shrink(len(text))
                answer.content_length = len(text)
                await answer.prepare(self._request)
                await answer.write(text)
                await answer.write_eof()
        except RefusedRequest as error:
            raise RefusedRequest(replace(error.refusal, sent=Sent.UNKNOWN)) from error

    async def _read_whole(self, reply: aiohttp.ClientResponse, held: Held) -> bytes:
        body = bytearray()
        while chunk := await reply.content.readany():
            if len(body) <= LEAST_CHARGED < len(body) + len(chunk):
                await held.reserve(LARGEST_SHOWN)
            body += chunk
            if len(body) > LARGEST_SHOWN:
                message = f"{self._upstream.server.id} answers with more than {LARGEST_SHOWN:,} bytes."
                raise RefusedRequest(Refusal(Cause.ANSWER_TOO_LARGE, message))
        return bytes(body)

    def _check_length(self, limit: int) -> None:
        length = self._request.content_length
        if length is not None and length > limit:
            raise RefusedRequest(self._too_large(limit, Sent.NO))

    def _too_large(self, limit: int, sent: Sent) -> Refusal:
        message = f"{self._upstream.server.id} takes at most {limit} bytes in one request."
        return Refusal(Cause.TOO_LARGE, message, sent)
