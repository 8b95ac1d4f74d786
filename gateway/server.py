"""The gateway's HTTP server: guard first, then the one place that knows what each route does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import ssl
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import WSCloseCode, WSMsgType, web

from gateway.breaker import Breaker
from gateway.catalogues import Catalogues, Content
from gateway.closes import GATEWAY_ENDS
from gateway.deadlines import Deadlines
from gateway.demo import DemoFleet
from gateway.fleet import Fleet, ServerId
from gateway.guard import Admitted, Moved, RequestFacts, Verdict, judge
from gateway.house import House
from gateway.lines import Lines
from gateway.prober import Prober
from gateway.proxy import Proxy
from gateway.published import Published
from gateway.pump import LARGEST_FROM_BROWSER
from gateway.refusal import Cause, Refusal, Refused, Sent
from gateway.routes import (
    AppArchive,
    Asset,
    BuildFile,
    CatalogueContent,
    DemoBreak,
    FleetCatalogue,
    FleetLoads,
    FleetSocket,
    FleetState,
    FleetVitals,
    Languages,
    Page,
    ServerCall,
    ServerSocket,
    SiteRoute,
    SnapshotFile,
    WorkflowFile,
    Workflows,
)
from gateway.site import Site
from gateway.state import DEFAULT_MAX_UPLOAD, VERSION
from gateway.state import FleetState as State
from gateway.tasks import start_task
from gateway.upstream import LARGEST_HEADER, Upstream

_KEEPALIVE_SECONDS = 75.0
_LINGER_SECONDS = 10.0  # a refused upload is read and dropped this long, so that its browser sees the refusal

_log = logging.getLogger(__name__)


class Gateway:
    """The whole gateway of one fleet. Use as an async context manager, then `listen`."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        house: House,
        root: Path,
        deadlines: Deadlines,
        breakable: DemoFleet | None = None,
        workflows: Path | None = None,
    ) -> None:
        self._house = house
        self._deadlines = deadlines
        self.state = State(fleet, is_breakable=breakable is not None)
        self._tags: dict[str, str] = {server.id: server.tag for server in fleet.servers}
        self._upstreams = {server.id: Upstream(server, deadlines) for server in fleet.servers}
        self._catalogues = Catalogues(self.state, self._upstreams, deadlines)
        self.prober = Prober(self.state, self._upstreams, deadlines, on_well=self._catalogues.read_soon)
        self._breaker: Breaker | None = None
        if breakable is not None:
            self._breaker = Breaker(breakable, self.state, self.prober, self._upstreams)
        self._proxy = Proxy()
        self._lines = Lines(deadlines)
        self._site = Site(root)
        self._published = Published(workflows)
        self._publishing: asyncio.Task[None] | None = None
        self._watchers: set[web.WebSocketResponse] = set()
        self._runner = web.ServerRunner(_Server(self._answer), shutdown_timeout=deadlines.shutdown)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        self.state.note_build(await self._site.build())
        self.prober.start()
        if self._published.is_there:
            self._publishing = start_task(self._publish())
        if self._breaker is not None:
            self._breaker.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._publishing is not None:
            self._publishing.cancel()
        await self.prober.close()
        await self._catalogues.close()
        if self._breaker is not None:
            await self._breaker.close()
        await self._lines.close()
        await self._site.close()
        for watcher in list(self._watchers):
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(self._deadlines.shutdown):
                    await watcher.close(code=GATEWAY_ENDS.code, message=GATEWAY_ENDS.message)
        await self._runner.cleanup()
        await self._proxy.close()
        for upstream in self._upstreams.values():
            await upstream.__aexit__(None, None, None)

    async def listen(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Accept connections on a bound socket."""
        await web.SockSite(self._runner, listener, ssl_context=tls).start()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            is_breakable = self._breaker is not None
            verdict = judge(facts_of(request), self._house, self._tags, is_breakable=is_breakable)
            return await self._act(request, verdict)
        except Refused as error:
            return refuse(request, error.refusal)

    async def _act(self, request: web.BaseRequest, verdict: Verdict) -> web.StreamResponse:
        match verdict:
            case Refusal():
                raise Refused(verdict)
            case Moved(location=location):
                # 308 would otherwise be remembered for ever, and the next gateway may have another port.
                headers = {"Location": location, "Cache-Control": "no-store"}
                return web.Response(status=HTTPStatus.PERMANENT_REDIRECT, headers=headers)
            case Admitted():
                return await self._serve(request, verdict)

    async def _serve(self, request: web.BaseRequest, admitted: Admitted) -> web.StreamResponse:
        match admitted.route:
            case Page() | Asset() | BuildFile() | AppArchive() | SnapshotFile() | Languages():
                return await self._serve_site(request, admitted.route, admitted.origin)
            case FleetState():
                return json_answer(self.state.as_json())
            case FleetLoads():
                return json_answer(await self.prober.loads())
            case FleetVitals():
                return json_answer(self.prober.vitals.as_json(self._upstreams))
            case FleetCatalogue() | CatalogueContent() | Workflows() | WorkflowFile():
                return await self._serve_workflows(request, admitted.route)
            case DemoBreak():
                assert self._breaker is not None  # the guard knows no such route without
                return json_answer(await self._breaker.answer(request))
            case FleetSocket():
                return await self._push_state(request)
            case ServerSocket(server_id=server_id):
                upstream = self._upstreams[ServerId(server_id)]
                self._catalogues.note_mooring(upstream.server.id)  # a window's socket opens as it moors
                return await self._lines.serve(request, upstream, admitted.client_id)
            case ServerCall(server_id=server_id):
                upstream = self._upstreams[ServerId(server_id)]
                largest = self.state.max_upload.get(upstream.server.id, DEFAULT_MAX_UPLOAD)
                return await self._proxy.pass_on(request, admitted, upstream, largest)

    async def _serve_site(self, request: web.BaseRequest, route: SiteRoute, origin: str) -> web.StreamResponse:
        """The page, and what it loads from here."""
        match route:
            case Asset(path=path):
                return await self._site.file(path, origin)
            case BuildFile(key=key, path=path):
                return await self._site.built(request, key, path, origin)
            case SnapshotFile(key=key):
                return await self._site.snapshot(request, key, origin)
            case Languages():
                return json_answer(await self._site.languages())
        self.state.note_build(await self._site.build())  # sources may have changed under a running gateway
        if isinstance(route, Page):
            return await self._site.page(request, origin)
        return await self._site.app_archive(request, origin)

    async def _serve_workflows(
        self, request: web.BaseRequest, route: FleetCatalogue | CatalogueContent | Workflows | WorkflowFile
    ) -> web.StreamResponse:
        """What workflows there are, and what they can be made of."""
        match route:
            case FleetCatalogue(server_id=server_id):
                await self._catalogues.refresh(ServerId(server_id))
                known = self.state.catalogue(ServerId(server_id))
                return json_answer({"v": VERSION, "catalogue": known.nodes, "files": known.files})
            case CatalogueContent(hash=content_hash):
                return catalogue_answer(request, self._catalogues.get(content_hash))
            case Workflows():
                return json_answer((await asyncio.to_thread(self._published.look)).as_json())
            case WorkflowFile(path=path):
                return workflow_answer(await asyncio.to_thread(self._published.read, path), path)

    async def _publish(self) -> None:
        """Tell the windows when other workflows lie in the folder."""
        while True:
            self.state.note_workflows((await asyncio.to_thread(self._published.look)).tag)
            await asyncio.sleep(self._deadlines.published)

    async def _push_state(self, request: web.BaseRequest) -> web.StreamResponse:
        """Send the fleet's state now and at each change; a slow window skips what has been overtaken."""
        window = web.WebSocketResponse(
            heartbeat=self._deadlines.heartbeat,
            timeout=self._deadlines.goodbye,
            compress=False,
            max_msg_size=LARGEST_FROM_BROWSER,
        )
        await window.prepare(request)
        self._watchers.add(window)
        push = start_task(self._push_to(window))
        try:
            while (await window.receive()).type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                pass  # windows have nothing to say here
        finally:
            push.cancel()
            self._watchers.discard(window)
        if window.close_code == WSCloseCode.ABNORMAL_CLOSURE and request.transport is not None:
            request.transport.abort()  # a half-dead window would never take what is still to be sent
        return window

    async def _push_to(self, window: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                revision = self.state.revision
                await window.send_str(json.dumps(self.state.as_json()))
                await self.state.changed(revision)


class _Server(web.Server):
    """aiohttp's server with our limits, whose own error answers are refusals like all others."""

    def __init__(self, handler: Any) -> None:
        super().__init__(
            handler,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=_KEEPALIVE_SECONDS,
            lingering_time=_LINGER_SECONDS,
            max_line_size=LARGEST_HEADER,
            max_field_size=LARGEST_HEADER,
        )

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    """One browser's connection."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 (aiohttp passes it; it may quote what the peer sent)
    ) -> web.StreamResponse:
        """What aiohttp answers to a request that it cannot read, or whose handler failed."""
        if isinstance(exc, ConnectionError) or request.writer.output_size > 0:
            raise ConnectionResetError("the answer had begun already") from exc
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            refusal = Refusal(Cause.BAD_REQUEST, "This is not HTTP as the gateway speaks it.")
        else:
            _log.error("a request failed in the gateway itself", exc_info=exc)
            refusal = Refusal(Cause.INTERNAL, "The gateway failed; its log says why.", Sent.UNKNOWN)
        answer = refuse(request, refusal)
        answer.force_close()
        return answer


def facts_of(request: web.BaseRequest) -> RequestFacts:
    """A request as the guard sees it: nothing decoded, nothing merged."""
    headers = [(name.decode("latin-1"), value.decode("latin-1").strip(" \t")) for name, value in request.raw_headers]
    return RequestFacts(request.method, request.raw_path, tuple(headers))


def refuse(request: web.BaseRequest, refusal: Refusal) -> web.Response:
    """The answer of a refusal; logged with its cause, never with what the request carried."""
    _log.info("refused %s: %s (%s)", request.method, refusal.header, refusal.message)
    answer = refusal.answer()
    if request.can_read_body:
        answer.force_close()
    return answer


_OWN_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def json_answer(value: object) -> web.Response:
    """One of the gateway's own JSON answers."""
    return web.Response(body=json.dumps(value).encode(), headers=_OWN_HEADERS | {"Content-Type": "application/json"})


def workflow_answer(data: bytes | None, path: str) -> web.Response:
    """A published file as bytes that no browser shows by itself; `Refused` if there is none."""
    if data is None:
        raise Refused(Refusal(Cause.NOT_LISTED, f"No workflow is published as {path}."))
    return web.Response(body=data, headers=_OWN_HEADERS | {"Content-Type": "application/octet-stream"})


def catalogue_answer(request: web.BaseRequest, content: Content | None) -> web.Response:
    """A content that may be kept for ever under its hash; `Refused` if this gateway has it no more."""
    if content is None:
        raise Refused(Refusal(Cause.NOT_LISTED, "This catalogue is not known any more; ask for it again."))
    is_packed = "gzip" in request.headers.get("Accept-Encoding", "").lower()
    packing = {"Content-Encoding": "gzip"} if is_packed else {}
    return web.Response(
        body=content.packed if is_packed else content.plain(),
        headers=_OWN_HEADERS
        | packing
        | {
            "Content-Type": "text/plain; charset=utf-8",
            "Cache-Control": "private, max-age=31536000, immutable",
            "Vary": "Accept-Encoding",
        },
    )
