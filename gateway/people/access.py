"""Authentication and limits between the guard and the routes, in an installation with users."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from gateway.fleet.prober import Prober
from gateway.http.guard import Admitted, RequestFacts
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.routes import (
    Asset,
    BuildFile,
    FleetAction,
    FleetChange,
    HealthRoute,
    HomeScreen,
    LogIn,
    MetricsRoute,
    PageRoute,
    ServerCall,
)
from gateway.page.home_screen import DRAWN_ICONS, ICONS
from gateway.people.login import Login
from gateway.people.projection import project_loads
from gateway.people.user import User
from gateway.people.user_proxy import UserProxy
from wire.refusals import Cause

MOST_OPEN = 1_000  # requests and sockets of one user; a window has two sockets and a few requests
# The files of the login page and the app's icons, which browsers fetch by themselves: the only ones without a login.
LOGIN_FILES = frozenset(
    {
        "static/login.css",
        "static/js/theme.js",
        "static/js/login.js",
        "static/js/languages.js",
        *ICONS,
        *DRAWN_ICONS,
        "static/locales/index.json",
    }
)


PAGE_OF = "x-mooring-page"  # a page's own `data-store`; a script that is no page sends none


class AccessControl:
    """The access of users to one gateway."""

    def __init__(self, login: Login, user_proxy: UserProxy, prober: Prober, most: int = MOST_OPEN) -> None:
        self.most = most
        self._under_way: Counter[str] = Counter()
        self.login = login
        self.user_proxy = user_proxy
        self._prober = prober

    def authenticate(self, facts: RequestFacts, admitted: Admitted, peer: str) -> User | None:
        """Return the user of a request; None if the route needs no login. `Refused` without a valid login."""
        route = admitted.route
        user = self.login.who(facts, peer)
        if isinstance(route, MetricsRoute) and self.login.is_scraper(facts):
            return None
        if user is None and not _is_free(route):
            raise RefusedRequest(Refusal(Cause.NOT_LOGGED_IN, "Log in first: open this gateway's page."))
        if user is not None and _is_of_another(facts, user):
            raise RefusedRequest(
                Refusal(Cause.OTHER_USER, "Another user has logged in in this browser: reload the page.")
            )
        is_for_admins = isinstance(route, FleetAction | FleetChange | MetricsRoute) or (
            isinstance(route, ServerCall) and route.is_download
        )
        if user is not None and not user.runs_fleet and is_for_admins:
            raise RefusedRequest(Refusal(Cause.NOT_ALLOWED, "This is for users with the role run."))
        return user

    @contextlib.contextmanager
    def place(self, user: User | None) -> Iterator[None]:
        """Hold a place among this user's requests and sockets; `Refused` if there are too many at the same time."""
        name = "" if user is None else user.name
        if name and self._under_way[name] >= self.most:
            message = f"You have {self.most} requests and sockets open already; wait for one to end."
            raise RefusedRequest(Refusal(Cause.TOO_MANY_REQUESTS, message, retry_after=1.0))
        self._under_way[name] += 1
        try:
            yield
        finally:
            self._under_way[name] -= 1
            if not self._under_way[name]:
                del self._under_way[name]

    def login_redirect(self, facts: RequestFacts, admitted: Admitted, peer: str) -> web.Response | None:
        """Return a redirect to the login page if a page needs a login, or from it if the user is logged in."""
        is_known = self.login.who(facts, peer) is not None
        match admitted.route:
            case PageRoute() if not is_known and self.login.has_login:
                return _to("/login")
            case ServerCall() if not is_known and self.login.has_login and facts.one("sec-fetch-mode") == "navigate":
                return _to(f"/login?{urlencode({'to': facts.target})}")  # a user follows a link to a picture
            case LogIn() if is_known and facts.method != "POST":
                return _to("/")
        return None

    async def loads(self, user: User) -> dict[str, Any]:
        """Return `/fleet/loads` for this user."""
        return project_loads(await self._prober.loads(), self._prober.marks, user)


def _is_of_another(facts: RequestFacts, user: User) -> bool:
    """Whether the page belongs to another user: it was open while this user logged in in the same browser."""
    stores = facts.all(PAGE_OF)
    return bool(stores) and list(stores) != [user.store]


def _is_free(route: object) -> bool:
    match route:
        case LogIn() | HealthRoute() | HomeScreen():  # a browser replaces its service worker even after the log-out
            return True
        case Asset(path=path) | BuildFile(path=path):
            return path in LOGIN_FILES
    return False


def _to(place: str) -> web.Response:
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": place, "Cache-Control": "no-store"})
