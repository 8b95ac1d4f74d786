"""The ports of a session in the browser, made once per page."""

from __future__ import annotations

from collections.abc import Callable

from app.browser.catalogues import GatewayCatalogues
from app.browser.clock import BrowserClock, BrowserRandom
from app.browser.direct_fleet import DirectFleet
from app.browser.direct_ports import DirectCatalogues, DirectHttp, DirectSockets
from app.browser.document_store import BrowserDocuments
from app.browser.fleet import GatewayFleet
from app.browser.fleet_admin import GatewayAdmin
from app.browser.gateway_stats import GatewayStats
from app.browser.http import BrowserHttp
from app.browser.journal import BrowserJournals
from app.browser.log import install_logging
from app.browser.logout import BrowserLoginSession
from app.browser.owned import fleet_file
from app.browser.presses import BrowserPresses
from app.browser.reach import is_hidden, learn, reach, read_site
from app.browser.roster import BrowserRoster
from app.browser.server_probe import ProbePorts
from app.browser.signals import BrowserSignals
from app.browser.socket import BrowserSockets
from app.browser.store import BrowserStore
from app.browser.transfers import BrowserTransfers
from app.browser.wakes import Wakes
from app.browser.windows import BrowserWindows
from app.core.ports import Ports
from app.core.ports.clock import Random
from app.core.ports.fleet import Catalogues, StatsSource
from app.core.ports.http import Http
from app.core.ports.sockets import Sockets
from app.core.ports.store import TaskStore


def make_ports(
    *, on_build: Callable[[str], None], on_newer: Callable[[bool], None], on_user: Callable[[str | None], None]
) -> Ports:
    """All ports of a session. From here on, logging goes to the console, with the window's id.

    `on_build` gets the build of the page that the gateway serves, `on_newer` is called if the store is newer than this
    page, `on_user` gets the logged-in user.
    """
    console = install_logging()
    random = BrowserRandom()
    fleet: GatewayFleet | DirectFleet
    if file := fleet_file():
        http, sockets, fleet, catalogues = _make_direct(file, on_build)
    else:
        http, sockets, fleet, catalogues = _make_gatewayed(random, on_build, on_user)
    windows = BrowserWindows(on_claim=lambda identity: setattr(console, "window_id", identity.window_id))
    Wakes(fleet.hurry, windows.reclaim)
    store = BrowserStore(on_newer=on_newer)
    return Ports(
        http=http,
        transfers=BrowserTransfers(),
        sockets=sockets,
        store=store,
        past=store,
        windows=windows,
        fleet=fleet,
        clock=BrowserClock(),
        random=random,
        journal=BrowserJournals(),
        presses=BrowserPresses(),
        catalogues=catalogues,
    )


def _make_gatewayed(
    random: Random, on_build: Callable[[str], None], on_user: Callable[[str | None], None]
) -> tuple[Http, Sockets, GatewayFleet, Catalogues]:
    http, sockets = BrowserHttp(), BrowserSockets()
    fleet = GatewayFleet(http, sockets, random, on_build, on_user)
    http.on_strange = fleet.doubt
    return http, sockets, fleet, GatewayCatalogues(http)


def _make_direct(file: str, on_build: Callable[[str], None]) -> tuple[Http, Sockets, DirectFleet, Catalogues]:
    plain = BrowserHttp()
    fleet = DirectFleet(file, ProbePorts(plain, read_site(), is_hidden, reach, learn), on_build)
    http = DirectHttp(plain, fleet)
    return http, DirectSockets(BrowserSockets(), fleet), fleet, DirectCatalogues(GatewayCatalogues(plain), fleet)


def documents_of(store: TaskStore) -> BrowserDocuments:
    """The user's documents, which are in the same database as the tasks."""
    assert isinstance(store, BrowserStore)  # made by `make_ports`
    return store.documents


def make_team(ports: Ports) -> tuple[BrowserLoginSession, GatewayAdmin]:
    """Log-out, and the admin actions on servers."""
    fleet = ports.fleet
    assert isinstance(fleet, GatewayFleet | DirectFleet)  # made by `make_ports`
    return BrowserLoginSession(ports.http, on_come=fleet.come, on_go=fleet.go), GatewayAdmin(ports.http)


def make_panel_sources(ports: Ports) -> tuple[BrowserRoster, StatsSource, BrowserSignals]:
    """The sources of the header's panels: the roster of all windows, server stats, and signals between windows."""
    store, windows = ports.store, ports.windows
    assert isinstance(store, BrowserStore)  # made by `make_ports`
    assert isinstance(windows, BrowserWindows)
    roster = BrowserRoster(store.database, windows.present, store.read_lines, ports.clock.now)
    stats = ports.fleet if isinstance(ports.fleet, DirectFleet) else GatewayStats(ports.http)
    return roster, stats, BrowserSignals()
