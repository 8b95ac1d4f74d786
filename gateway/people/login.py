"""Authentication: by a session that began with a login here, or by the user name that a trusted proxy sends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from gateway.errors import ConfigError
from gateway.fleet.rules import DEFAULT_SESSION_DAYS, Rules
from gateway.http.answers import json_answer
from gateway.http.guard import RequestFacts
from gateway.http.json_reader import Bounds, JsonError, read_json
from gateway.http.own_hosts import OwnHosts, split_origin
from gateway.http.peers import network_of
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.installation import PROGRAM
from gateway.people.accounts import Account, Accounts, changing, read_accounts, write_accounts
from gateway.people.audit import audit
from gateway.people.devices import Devices
from gateway.people.keys import Keys
from gateway.people.login_throttle import LoginThrottle, of_device, of_unknown_browser
from gateway.people.password_checks import Checks
from gateway.people.passwords import LONGEST, UNKNOWN_USER_HASH, PasswordHash
from gateway.people.revocations import Revocations
from gateway.people.sessions import DAY, LoginSessions, Session
from gateway.people.user import NAME, User
from gateway.tasks import for_ever, start_task
from wire.refusals import Cause

METRICS = ("metrics", "read")  # parts of the signature that is the token for metrics
MOST_HELD_BACK = 4  # waiting attempts of one known browser, after wrong ones
POLL_SECONDS = 1.0  # between checks of the users' file and the file of ended sessions
SWEEP_SECONDS = 60.0  # between rounds that close the sockets of expired sessions
LARGEST_BODY = 4_096  # bytes of a log-in
BODY_SECONDS = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Try:
    """An attempt to log in: the name, the network, and the browser's id if it is known."""

    name: str
    network: str
    device: str


class Login:
    """Authenticates users, logs them in and out. Use as an async context manager; it reloads a changed users' file.

    `on_change` is called when sessions may be over that were not before.
    """

    def __init__(
        self,
        *,
        keys: Keys,
        users: Path | None,
        sessions: Path | None = None,
        rules: Callable[[], Rules],
        own_hosts: Callable[[], OwnHosts],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.keys = keys
        self._users = users
        self._rules = rules
        self._own_hosts = own_hosts
        self.on_change = on_change
        self._seen = None if users is None else _stamp(users)  # before it is read: a later change is seen
        self._accounts = Accounts({}) if users is None else read_accounts(users)
        self._revocations = None if sessions is None else Revocations.open(sessions, time.time())
        self._throttle = LoginThrottle()
        self._checks = Checks()
        self._held_back: Counter[str] = Counter()  # waiting attempts of known browsers, by device
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._users is not None:
            self._watch = start_task(for_ever(partial(self._follow, self._users), POLL_SECONDS))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop following the users' file."""
        if self._watch is not None:
            self._watch.cancel()
        await asyncio.gather(*self._tasks)

    @property
    def has_login(self) -> bool:
        """Whether users can log in here, rather than at a proxy."""
        return self._users is not None

    @property
    def can_revoke(self) -> bool:
        """Return whether a single session can be ended, with all copies of its cookie."""
        return self._revocations is not None

    def who(self, facts: RequestFacts, peer: str) -> User | None:
        """Return the user who sends this request from that address; None if it is not authenticated."""
        rules = self._rules()
        if rules.trusted_header and rules.trusts(peer):
            names = facts.all(rules.trusted_header.lower())
            name = names[0].lower() if len(names) == 1 else ""
            return self._user(self._accounts.get(name) or Account(name)) if NAME.fullmatch(name) else None
        session = self._session(facts)
        return None if session is None else self._user(session.account, session)

    def is_scraper(self, facts: RequestFacts) -> bool:
        """Whether a request carries the token for metrics, which `serve.py user metrics` prints."""
        kind, _, token = (facts.one("authorization") or "").partition(" ")
        return kind.lower() == "bearer" and self.keys.is_signed(token.strip(), *METRICS)

    def is_in(self, user: User) -> bool:
        """Return whether a login is still valid: its session and account exist, and the account is unchanged."""
        if self._is_revoked(user.session) or user.until <= time.time():
            return False
        account = self._accounts.get(user.name)
        if account is None:
            return bool(self._rules().trusted_header) and user.epoch == 0 and not user.account_id
        return self._user(account).terms == user.terms

    def users(self) -> tuple[User, ...]:
        """Return the users of all accounts."""
        return tuple(self._user(account) for account in self._accounts.by_name.values())

    def renew(self, facts: RequestFacts, user: User, answer: web.StreamResponse) -> None:
        """Renew a session that is half over, so that users who work here daily stay logged in.

        One that cannot be ended early is not renewed, since a copy of its cookie could be renewed after the log-out.
        """
        if not user.session or self._revocations is None:
            return
        sessions, session, now = self._sessions(facts.one("host")), self._session(facts), time.time()
        if session is not None and sessions.is_half_over(session, now):
            answer.headers["Set-Cookie"] = sessions.renew(session, now)

    async def log_in(self, request: web.BaseRequest, peer: str) -> web.Response:
        """Begin a session, or refuse; an unknown name takes as long as a wrong password."""
        if self._users is None:
            raise RefusedRequest(Refusal(Cause.NOT_LISTED, "There is no login here."))
        body = await read_small(request)
        name, password = body.get("name"), body.get("password")
        if not isinstance(name, str) or not isinstance(password, str) or max(len(name), len(password)) > LONGEST:
            raise RefusedRequest(Refusal(Cause.REFUSED_BODY, "A log-in has a name and a password."))
        name = name.strip().lower()
        account = self._accounts.get(name)
        devices, now = self._devices(request.host), time.time()
        device = "" if account is None else devices.read(request.headers.getall("Cookie", ()), account, now)
        if not await self._fits(account, password, _Try(name, network_of(peer), device)) or account is None:
            # Users type passwords into the name field, so a name is logged only if it is an account's.
            audit("log-in refused", name=name if account is not None else "", peer=peer)
            raise RefusedRequest(Refusal(Cause.WRONG_LOGIN, "The name or the password is wrong."))
        audit("log-in", name=name, peer=peer)
        if account.password is not None and account.password.is_weak:
            self._keep(self._strengthen(self._users, account, password))
        cookies = self._sessions(request.host).begin(account, now), devices.write(account, device, now)
        return _done({"name": account.name}, *cookies)

    async def log_out(self, request: web.BaseRequest, user: User) -> web.Response:
        """End this session, or all sessions of this user in every browser.

        In the answer, `copiesUntil` is the time (seconds since 1970) until which copies of the cookie stay valid, or 0.
        """
        body = await read_small(request)
        is_everywhere = body.get("everywhere") is True and self._users is not None
        if is_everywhere and self._users is not None:
            await self._log_out_everywhere(self._users, user.name)
        is_over = is_everywhere or not user.session
        copies_until = 0 if is_over else await self._revoke(user)
        audit("log-out", name=user.name, everywhere=is_everywhere)
        return _done({"copiesUntil": copies_until}, self._sessions(request.host).end())

    async def _revoke(self, user: User) -> int:
        """End one session for every gateway; return the time until which copies stay valid if that fails, or 0."""
        if self._revocations is None:
            return int(user.until)
        now = time.time()
        latest = max(user.until, now + self._days * DAY)  # a copy may just have been renewed
        try:
            await asyncio.to_thread(self._revocations.add, user.session, latest, now)
        except ConfigError as error:
            _log.error("the log-out of %s is known to this gateway only, until it ends: %s", user.name, error)
            return int(latest)
        finally:
            self.on_change()
        return 0

    async def _log_out_everywhere(self, users: Path, name: str) -> None:
        try:
            await asyncio.to_thread(_log_out, users, name)
        except ConfigError as error:  # as in a container, whose files are read-only
            _log.warning("%s is still logged in: %s", name, error)
            message = f"This gateway may not write the users' file. Its operator can run: {PROGRAM} user logout {name}"
            raise RefusedRequest(Refusal(Cause.NOT_ALLOWED, message)) from error
        await self._read(users)

    async def _fits(self, account: Account | None, password: str, one: _Try) -> bool:
        """Check the password. An unknown browser is refused while it has to wait; a known one is delayed."""
        now = time.monotonic()
        keys = of_device(one.device) if one.device else of_unknown_browser(one.name, one.network)
        wait = self._throttle.wait(keys, now)
        if wait and not one.device:
            audit("log-in held off", name=one.name if account is not None else "", peer=one.network)
            raise _too_many_failures(wait)
        self._throttle.note_failure(keys, now)  # until the result is known, since many attempts may arrive together
        known = account.password if account is not None else None
        check = partial((known or UNKNOWN_USER_HASH).fits, password)
        try:
            if wait:
                await self._hold_back(one.device, wait)
            # One user may have many known browsers, which must not fill the line for others.
            whose = f"user {one.name}" if one.device else one.network
            fits = await self._checks.run(check, whose=whose, is_known=bool(one.device))
        except (RefusedRequest, asyncio.CancelledError):
            self._throttle.note_unjudged(keys)  # not checked: refused, or the browser has gone
            raise
        if fits and known is not None:
            self._throttle.note_success(keys)
        return fits and known is not None

    async def _hold_back(self, device: str, seconds: float) -> None:
        """Delay a known browser after wrong passwords from that same browser."""
        if self._held_back[device] >= MOST_HELD_BACK:
            raise _too_many_failures(seconds)
        self._held_back[device] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._held_back -= Counter({device: 1})

    async def _strengthen(self, users: Path, account: Account, password: str) -> None:
        """Hash a correct password with today's strength."""
        try:
            hashed = await self._checks.run(partial(PasswordHash.of, password), whose="", is_known=True)
            await asyncio.to_thread(_change_hash, users, account, hashed)
        except (ConfigError, RefusedRequest) as error:
            _log.warning("the password of %s keeps its older hash: %s", account.name, error)
            return
        await self._read(users)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = start_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _user(self, account: Account, session: Session | None = None) -> User:
        known = User(account.name, account.roles, self.keys, account.epoch, account.id)
        return known if session is None else replace(known, session=session.id, until=float(session.until))

    def _session(self, facts: RequestFacts) -> Session | None:
        return self._sessions(facts.one("host")).read(facts.all("cookie"), self._accounts, time.time())

    def _is_revoked(self, session_id: str) -> bool:
        return self._revocations is not None and session_id in self._revocations

    @property
    def _days(self) -> int:
        """Return how long a session lasts: at most a day if sessions cannot be ended early."""
        wanted = self._rules().session_days or DEFAULT_SESSION_DAYS
        return wanted if self._revocations is not None else 1

    def _sessions(self, host: str | None) -> LoginSessions:
        """Return the sessions of the page's origin for this Host, which may be that of a proxy in front."""
        return LoginSessions(self.keys, *self._origin(host), self._days, self._is_revoked)

    def _devices(self, host: str | None) -> Devices:
        return Devices(self.keys, *self._origin(host))

    def _origin(self, host: str | None) -> tuple[bool, int]:
        """Return whether the browser's origin is https, and its port."""
        own_hosts = self._own_hosts()
        origin = own_hosts.origin_for(host or "")
        scheme, port = split_origin(origin if isinstance(origin, str) else own_hosts.origin)
        return scheme == "https", port

    async def _follow(self, users: Path) -> None:
        swept = time.monotonic()
        while True:
            stamp = await asyncio.to_thread(_stamp, users)
            if stamp != self._seen:
                await self._read(users)
                self._seen = stamp
            has_more = self._revocations is not None and await asyncio.to_thread(self._revocations.read)
            if has_more or time.monotonic() - swept > SWEEP_SECONDS:
                self.on_change()
                swept = time.monotonic()
            await asyncio.sleep(POLL_SECONDS)

    async def _read(self, users: Path) -> None:
        """Load the file; an invalid one leaves the users as they were."""
        try:
            self._accounts = await asyncio.to_thread(read_accounts, users)
        except ConfigError as error:
            _log.error("the users stay as they were: %s", error)
            return
        self.on_change()


def _log_out(users: Path, name: str) -> None:
    with changing(users):
        accounts = read_accounts(users)
        if accounts.get(name) is not None:
            write_accounts(users, accounts.logged_out(name))


def _change_hash(users: Path, account: Account, hashed: PasswordHash) -> None:
    """Write a new hash of the same password, unless the account has changed in the meantime."""
    with changing(users):
        accounts = read_accounts(users)
        now = accounts.get(account.name)
        if now is not None and (now.id, now.password) == (account.id, account.password):
            write_accounts(users, accounts.put(replace(now, password=hashed)))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    with contextlib.suppress(OSError):
        seen = path.stat()
        return seen.st_ino, seen.st_mtime_ns, seen.st_size
    return None


def _too_many_failures(wait: float) -> RefusedRequest:
    message = f"Too many wrong passwords. Try again in {math.ceil(wait)} s."
    return RefusedRequest(Refusal(Cause.TOO_MANY_LOGINS, message, retry_after=wait))


async def read_small(request: web.BaseRequest) -> dict[str, object]:
    """Return the JSON object of a small request to the gateway itself, or raise `Refused`."""
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while chunk := await request.content.readany():
                data += chunk
                if len(data) > LARGEST_BODY:
                    raise RefusedRequest(Refusal(Cause.TOO_LARGE, "This request is too large."))
    except TimeoutError as error:
        raise RefusedRequest(Refusal(Cause.BAD_REQUEST, "The body did not arrive in time.")) from error
    except web.RequestPayloadError as error:
        raise RefusedRequest(Refusal(Cause.BAD_REQUEST, "The body is not framed as it says.")) from error
    try:
        body = read_json(data or b"{}", Bounds(LARGEST_BODY), is_strict=True)
    except JsonError as error:
        raise RefusedRequest(Refusal(Cause.REFUSED_BODY, str(error))) from error
    if not isinstance(body, dict):
        raise RefusedRequest(Refusal(Cause.REFUSED_BODY, "The body is not a JSON object."))
    return body


def _done(value: object, *cookies: str) -> web.Response:
    answer = json_answer(value)
    for cookie in cookies:
        answer.headers.add("Set-Cookie", cookie)
    return answer
