"""The gateway's HTTP server: the guard first, then the one place that knows what each route does. Joins all parts."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from gateway.fleet.catalogue_contents import is_any
from gateway.fleet.catalogues import Catalogues, catalogue_answer
from gateway.fleet.changes import FleetChanges, OwnFile
from gateway.fleet.demo import DemoFleet
from gateway.fleet.departures import Departures
from gateway.fleet.discovery.discovery import Discovery
from gateway.fleet.fault_injection import FaultInjector
from gateway.fleet.fleet import Fleet
from gateway.fleet.prober import Prober
from gateway.fleet.rules import Rules
from gateway.fleet.state import VERSION, FleetState
from gateway.fleet.watchers import Watchers
from gateway.http.answers import json_answer, refuse, workflow_answer
from gateway.http.budget import OWNERS, Budget
from gateway.http.connections import HSTS, BrowserServer, most_connections
from gateway.http.deadlines import Deadlines
from gateway.http.guard import Admitted, Redirect, RequestFacts
from gateway.http.headers import OWN_HEADERS
from gateway.http.judgements import Judgements
from gateway.http.lanes import HOLDER
from gateway.http.listener import BrowserSite
from gateway.http.own_hosts import OwnHosts
from gateway.http.peers import client_of, network_of
from gateway.http.proxy import PLAIN, Proxy, Terms
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.routes import (
    AppArchive,
    Asset,
    BuildFile,
    CatalogueContent,
    DemoBreak,
    FleetAction,
    FleetCatalogue,
    FleetChange,
    FleetLoads,
    FleetServerStats,
    FleetSocket,
    FleetStateRoute,
    HealthRoute,
    HomeScreen,
    LogIn,
    LogOut,
    MetricsRoute,
    PageRoute,
    RequiredBody,
    ServerCall,
    ServerSocket,
    ShareTarget,
    SiteRoute,
    SnapshotFile,
    WorkflowFile,
    Workflows,
)
from gateway.http.servers import ServerId
from gateway.http.tunnels import Tunnels
from gateway.http.upstream import Upstream
from gateway.http.upstreams import Upstreams
from gateway.metrics import GatewayMetrics, route_name
from gateway.page.home_screen import page_facts
from gateway.partner.partner_nodes import PartnerNodes
from gateway.people.access import AccessControl
from gateway.people.downloads import download_terms
from gateway.people.fleet_admin import FleetAdmin
from gateway.people.login import Login
from gateway.people.login_settings import LoginSettings
from gateway.people.published_only import PublishedOnly
from gateway.people.user import FOLDER, User, is_shared
from gateway.people.user_proxy import UserProxy
from gateway.site.first_screens import Viewer
from gateway.site.published import Published
from gateway.site.site import Site
from gateway.tasks import close_in_time, start_task
from wire.health import Health
from wire.languages import COOKIE, accepted_languages
from wire.refusals import Cause

_log = logging.getLogger(__name__)
_NO_ROUTE = Refusal(Cause.NOT_LISTED, "This gateway has no such route.")


class Gateway:
    """The whole gateway of one fleet. Use as an async context manager, then call `listen`."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        own_hosts: OwnHosts,
        root: Path,
        deadlines: Deadlines,
        breakable: DemoFleet | None = None,
        workflows: Path | None = None,
        logins: LoginSettings | None = None,
        own_file: OwnFile | None = None,
    ) -> None:
        self._own_hosts = own_hosts
        self._deadlines = deadlines
        self.state = FleetState(fleet, is_breakable=breakable is not None)
        self._upstreams = Upstreams(fleet.servers, deadlines)
        self.changing = asyncio.Lock()  # held while a changed fleet is read and applied
        visible = (is_any, "") if logins is None else (is_shared, FOLDER)
        self._catalogues = Catalogues(self.state, self._upstreams, deadlines, *visible)
        self._upstreams.secrets.add(fleet.partner.keys)
        self._partner_nodes = PartnerNodes(
            lambda: self.state.fleet.partner, self._catalogues, is_private=lambda: self._can_administer
        )
        self.prober = Prober(self.state, self._upstreams, deadlines, on_well=self._catalogues.read_soon)
        self._fault_injector: FaultInjector | None = None
        if breakable is not None:
            self._fault_injector = FaultInjector(breakable, self.state, self.prober, self._upstreams)
        self._proxy = Proxy()
        self._tunnels = Tunnels(deadlines, self._proxy.budget)
        self.departures = Departures(self._tunnels)
        self._discovery = Discovery(self.state, deadlines, self.change)
        self._published = Published(workflows)
        self._site = Site(root, self._published, self._catalogues.get)
        self._publishing: asyncio.Task[None] | None = None
        self._watchers = Watchers(self.state, deadlines)
        self._metrics = GatewayMetrics(self.state, self._count_open)
        self._access = None if logins is None else self._control_access(logins)
        self._fleet_admin = FleetAdmin(
            FleetChanges(self, own_file),
            deadlines,
            tuple if self._access is None else self._access.login.users,
        )
        self._judgements = Judgements(is_breakable=self._fault_injector is not None, has_seals=self._access is not None)
        self._browsers = BrowserServer(self._answer, most=most_connections(), is_proxy=self._is_proxy)
        self._runner = web.ServerRunner(self._browsers, shutdown_timeout=deadlines.shutdown)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        self.state.note_build((await self._site.present()).tree.build.key)
        if self._access is not None:
            await self._access.login.__aenter__()
        if self._published.is_there:
            self._publishing = start_task(self._publish())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._publishing is not None:
            self._publishing.cancel()
        login = None if self._access is None else self._access.login
        workers = (login, self._discovery, self.prober, self._catalogues, self._partner_nodes, self._fault_injector)
        for worker in workers:
            if worker is not None:
                await close_in_time(worker.close, self._deadlines.close)
        self.departures.stop()
        for close in (
            self._tunnels.close,
            self._site.close,
            self._watchers.close,
            self._runner.cleanup,
            self._proxy.close,
            self.departures.close,
            self._upstreams.close,
        ):
            await close_in_time(close, self._deadlines.close)

    @property
    def rules(self) -> Rules:
        """The rules of the installation at present."""
        return self.state.fleet.rules

    def _is_proxy(self, peer: str) -> bool:
        return self.rules.is_proxy(peer)

    @property
    def budget(self) -> Budget:
        """The memory that requests hold now."""
        return self._proxy.budget

    def change(self, fleet: Fleet) -> None:
        """Use another fleet from now on, declared by its file, together with the servers that were discovered.

        A server that keeps its id and identity continues with its new settings. A server that has left, or has another
        identity, gets no new requests: those under way may finish, and windows' sockets are closed with the
        cause.
        """
        fleet = self._discovery.merged(fleet)
        if fleet.rules.trusted_header and self._access is None:
            _log.error("trusted_header takes effect after a restart: the gateway was started without users")
        self._upstreams.secrets.add(fleet.partner.keys)
        departed = self._upstreams.change(fleet.servers)
        self._own_hosts = self._own_hosts.named(fleet.names)
        self.state.change(fleet)
        for upstream in departed:
            self._catalogues.drop(upstream.server.id)
        self.prober.change()
        if self._access is not None:
            self._close_logged_out()  # users whom a login proxy had authenticated may be logged out now
        self.departures.close_departed(departed)

    def _control_access(self, logins: LoginSettings) -> AccessControl:
        login = Login(
            keys=logins.keys,
            users=logins.users,
            sessions=logins.sessions,
            rules=lambda: self.rules,
            own_hosts=lambda: self._own_hosts,
            on_change=self._close_logged_out,
        )
        user_proxy = UserProxy(
            self._proxy,
            self.state,
            self._catalogues,
            lambda: self.rules,
            partner_nodes=self._partner_nodes,
            published_only=PublishedOnly(self._published),
            on_undeclared=self._metrics.count_undeclared,
        )
        return AccessControl(login, user_proxy, self.prober)

    def _close_logged_out(self) -> None:
        """Close the sockets of users who are logged out by now."""
        assert self._access is not None
        self._tunnels.close_logged_out()
        self._watchers.close_logged_out()

    def _admission(self, user: User) -> Callable[[], bool]:
        """Return a function that says whether this user, who is logged in now, still is."""
        assert self._access is not None
        return partial(self._access.login.is_in, user)

    async def listen(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Begin to probe the servers, and accept connections on a bound socket."""
        self.prober.start()
        await self._discovery.start()
        if self._fault_injector is not None:
            self._fault_injector.start()
        await BrowserSite(self._runner, listener, ssl_context=tls).start()

    def _count_open(self) -> dict[str, int]:
        """Return the number of open connections, by kind."""
        return {"connections": self._browsers.count, "lines": self._tunnels.count, "windows": self._watchers.count}

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Judge and serve a request, and count it."""
        facts, verdict = self._judgements.of(request, self._own_hosts, self._upstreams.tags)
        days = self.rules.hsts_days
        if days is not None and isinstance(verdict, Admitted) and verdict.origin.startswith("https:"):
            request[HSTS] = f"max-age={days * 86_400}"  # no includeSubDomains: other machines may have names below ours
        peer = client_of(request, self._is_proxy)
        HOLDER.set(network_of(peer))
        name = route_name(verdict.route if isinstance(verdict, Admitted) else None)
        began = time.perf_counter()
        answer: web.StreamResponse
        try:
            match verdict:
                case Refusal():
                    raise RefusedRequest(verdict)
                case Redirect(location=location):
                    # A cached 308 would be remembered for ever, and the next gateway may have another port.
                    headers = {"Location": location, "Cache-Control": "no-store"}
                    answer = web.Response(status=HTTPStatus.PERMANENT_REDIRECT, headers=headers)
                case Admitted() if self._access is None:
                    self._charge(request, None, peer)
                    answer = await self._serve(request, verdict, None)
                case Admitted():
                    answer = await self._serve_user(request, facts, verdict, self._access, peer)
        except RefusedRequest as error:
            self._metrics.count_refusal(error.refusal.cause.code)
            answer = refuse(request, error.refusal)
        self._metrics.count(name, request.method, answer.status, time.perf_counter() - began)
        return answer

    async def _serve_user(
        self, request: web.BaseRequest, facts: RequestFacts, admitted: Admitted, access: AccessControl, peer: str
    ) -> web.StreamResponse:
        """Serve a user who is logged in, or redirect to the login."""
        if (redirect := access.login_redirect(facts, admitted, peer)) is not None:
            return redirect
        user = access.authenticate(facts, admitted, peer)
        self._charge(request, user, peer)
        if user is not None:
            HOLDER.set(f"user {user.name}")
        with access.place(user):
            answer = await self._serve(request, admitted, user)
        if user is not None and isinstance(admitted.route, PageRoute):
            access.login.renew(facts, user, answer)
        return answer

    def _charge(self, request: web.BaseRequest, user: User | None, peer: str) -> None:
        """Set who is charged for a request's memory: the user, or the address if there are no users.

        A proxy that does not name its users stands for all of them, so only the total budget applies.
        """
        if user is not None:
            request[OWNERS] = (f"user {user.name}",)
        elif not self._is_proxy(peer):
            request[OWNERS] = (f"address {peer}",)

    async def _serve(self, request: web.BaseRequest, admitted: Admitted, user: User | None) -> web.StreamResponse:
        match admitted.route:
            case ServerCall(server_id=server_id):
                upstream = self._upstreams[ServerId(server_id)]
                return await self._pass_on(request, admitted, upstream, user)
            case LogIn() | LogOut() | HealthRoute() | MetricsRoute() | FleetAction() | FleetChange() | ShareTarget():
                return await self._serve_own(request, admitted, user)
            case PageRoute() | Asset() | BuildFile() | AppArchive() | SnapshotFile() | HomeScreen():
                return await self._serve_site(request, admitted.route, admitted.origin, user)
            case FleetStateRoute():
                name = "" if user is None else user.name
                return json_answer(self.state.as_json(runs_fleet=user is None or user.runs_fleet, user=name))
            case FleetLoads():
                if user is not None and self._access is not None:
                    return json_answer(await self._access.loads(user))
                return json_answer(await self.prober.loads())
            case FleetServerStats():
                return json_answer(self.prober.stats.as_json(self._upstreams))
            case FleetCatalogue() | CatalogueContent() | Workflows() | WorkflowFile():
                return await self._serve_workflows(request, admitted.route)
            case DemoBreak():
                assert self._fault_injector is not None  # without one, the guard has no such route
                return json_answer(await self._fault_injector.answer(request))
            case FleetSocket():
                return await self._report_fleet(request, user)
            case ServerSocket(server_id=server_id):
                upstream = self._upstreams[ServerId(server_id)]
                self._catalogues.read_missing(upstream.server.id)  # a window begins to use the server
                return await self._open_tunnel(request, upstream, admitted.client_id, user)

    async def _pass_on(
        self, request: web.BaseRequest, admitted: Admitted, upstream: Upstream, user: User | None
    ) -> web.StreamResponse:
        """Pass a request on to a server."""
        assert isinstance(admitted.route, ServerCall)
        terms = PLAIN
        if admitted.route.is_download:
            if not self._can_administer:
                raise RefusedRequest(_NO_ROUTE)
            name = "" if user is None else user.name
            terms = download_terms(upstream.server.id, self.rules.model_hosts, name)
        elif user is not None and self._access is not None:
            return await self._access.user_proxy.pass_on(request, admitted, upstream, user)
        elif admitted.body is RequiredBody.PROMPT:
            terms = Terms(rewrite=lambda body, scan: self._partner_nodes.write(upstream, body, scan, None))
        return await self._proxy.pass_on(
            request, admitted, upstream, self.state.largest_upload(upstream.server.id), terms
        )

    def _fleet_text(self, user: User | None) -> str:
        """Return the fleet's state for a user."""
        if user is None:
            return self.state.as_text()
        return self.state.as_text(runs_fleet=user.runs_fleet, user=user.name)

    async def _report_fleet(self, request: web.BaseRequest, user: User | None) -> web.StreamResponse:
        """Push the fleet's state to one window, as long as its user is logged in."""
        text = partial(self._fleet_text, user)
        return await self._watchers.serve(request, text, self._admission(user) if user is not None else lambda: True)

    async def _open_tunnel(
        self, request: web.BaseRequest, upstream: Upstream, client_id: str, user: User | None
    ) -> web.StreamResponse:
        """Pass a socket through to a server; a user's has its own client_id there, and gets only their events."""
        if user is None or self._access is None:
            return await self._tunnels.serve(request, upstream, client_id)
        event_filter = self._access.user_proxy.event_filter(upstream, user, client_id)
        return await self._tunnels.serve(
            request, upstream, user.client_id(client_id), event_filter, self._admission(user)
        )

    async def _serve_own(self, request: web.BaseRequest, admitted: Admitted, user: User | None) -> web.StreamResponse:
        """Serve the routes about this gateway itself, and about users."""
        match admitted.route:
            case HealthRoute(asks_ready=asks_ready):
                return self._health(asks_ready=asks_ready)
            case MetricsRoute():
                return self._write_metrics()
            case LogIn() if self._access is not None:
                if request.method == "POST":
                    return await self._access.login.log_in(request, client_of(request, self._is_proxy))
                return await self._site.login(request, admitted.origin)
            case LogOut() if self._access is not None and user is not None:
                return await self._access.login.log_out(request, user)
            case FleetAction() as action if self._can_administer:
                return json_answer(await self._administer(request, action, user))
            case FleetChange(action=change) if self._can_administer:
                who = "" if user is None else user.name
                return json_answer(await self._fleet_admin.change(request, change, who))
        raise RefusedRequest(_NO_ROUTE)

    def _write_metrics(self) -> web.Response:
        from gateway.metrics_text import CONTENT_TYPE, metrics_text  # with prometheus_client, which no start needs

        return web.Response(body=metrics_text(self._metrics), headers=OWN_HEADERS | {"Content-Type": CONTENT_TYPE})

    @property
    def _can_administer(self) -> bool:
        """Whether a user here may administer the fleet."""
        return self._access is not None or (self._own_hosts.is_private and not self.rules.proxies)

    async def _administer(self, request: web.BaseRequest, action: FleetAction, user: User | None) -> dict[str, object]:
        server_id = ServerId(action.server_id)
        version, who = self.state.condition(server_id).version, "" if user is None else user.name
        return await self._fleet_admin.answer(request, self._upstreams[server_id], action.action, version, who)

    def _health(self, *, asks_ready: bool) -> web.Response:
        """Return 200, or 503 for a gateway that is up while no server is healthy."""
        is_well = not asks_ready or any(
            self.state.condition(server_id).health is Health.WELL for server_id in self.state.servers
        )
        answer = json_answer({"ok": is_well})
        answer.set_status(200 if is_well else 503)
        return answer

    async def _serve_site(
        self, request: web.BaseRequest, route: SiteRoute, origin: str, user: User | None
    ) -> web.StreamResponse:
        """Serve the page, and what it loads from the gateway."""
        match route:
            case Asset(path=path):
                return await self._site.file(request, path, origin)
            case BuildFile(key=key, path=path):
                return await self._site.built(request, key, path, origin)
            case SnapshotFile(key=key, is_plain=is_plain):
                return await self._site.snapshot(request, key, origin, is_plain=is_plain)
            case HomeScreen(path=path):
                has_worker = self.rules.home_screen
                return await self._site.home_screen(request, path, origin, has_worker=has_worker)
        present = await self._site.present()
        self.state.note_build(present.tree.build.key)  # sources may have changed under a running gateway
        if isinstance(route, PageRoute):
            viewer = self._viewer(user, _languages_of(request), request.query.get("workflow", ""))
            return await self._site.page(request, origin, present, viewer, is_personal=user is not None)
        return await self._site.app_archive(request, origin)

    async def _serve_workflows(
        self, request: web.BaseRequest, route: FleetCatalogue | CatalogueContent | Workflows | WorkflowFile
    ) -> web.StreamResponse:
        """Serve the published workflows and the servers' node catalogues."""
        match route:
            case FleetCatalogue(server_id=server_id):
                await self._catalogues.refresh(ServerId(server_id))
                known = self.state.catalogue(ServerId(server_id))
                return json_answer({"v": VERSION, "catalogue": known.nodes, "files": known.files})
            case CatalogueContent(hash=content_hash):
                return catalogue_answer(request, self._catalogues.get(content_hash))
            case Workflows():
                return json_answer((await asyncio.to_thread(self._published.listing)).as_json())
            case WorkflowFile(path=path):
                return workflow_answer(await asyncio.to_thread(self._published.read, path), path)

    async def draw_ahead(self) -> None:
        """Have the first screens drawn once all servers were read, so that the first visitors have them too."""
        revision = -1
        while not self.state.is_read:
            revision = await self.state.changed(revision)
        await self._site.draw_ahead(self._viewer(None, []))

    def _viewer(self, user: User | None, languages: list[str], workflow: str = "") -> Viewer:
        about = self._page_facts(user) | page_facts(has_worker=self.rules.home_screen)
        known = self.state.digest(runs_fleet=user is None or user.runs_fleet)
        return Viewer(languages, about, known, partial(self._fleet_text, user), workflow)

    def _page_facts(self, user: User | None) -> dict[str, str]:
        """Return the facts for a page about its user; without users, only whether they may administer the fleet."""
        if user is None or self._access is None:
            return {"admin": "yes" if self._can_administer else ""}
        runs = "yes" if user.runs_fleet else ""
        login = "yes" if self._access.login.has_login else ""
        copies = "yes" if login and not self._access.login.can_revoke else ""
        known = {"person": user.name, "store": user.store, "login": login, "copies": copies}
        return known | {"runs": runs, "admin": runs}

    async def _publish(self) -> None:
        """Notify the windows when the published workflows change."""
        while True:
            self.state.note_workflows((await asyncio.to_thread(self._published.listing)).tag)
            await asyncio.sleep(self._deadlines.published)


def _languages_of(request: web.BaseRequest) -> list[str]:
    """Return the languages that a user wants to read: that of the address, the chosen one, then the browser's."""
    asked = [request.query.get("lang", ""), request.cookies.get(COOKIE, "")]
    return [*asked, *accepted_languages(request.headers.get("Accept-Language", ""))]
