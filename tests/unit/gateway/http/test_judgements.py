"""Judgements that are kept: equal requests only, and only while names and servers are the same."""

from __future__ import annotations

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.http.guard import Admitted
from gateway.http.judgements import LARGEST, MOST, Judgements
from gateway.http.own_hosts import OwnHosts, build_own_hosts
from gateway.http.refusal import Refusal
from wire.refusals import Cause

HOSTS = build_own_hosts(host="127.0.0.1", port=8200, is_tls=False)
TAGS = {"a": "0a0a0a0a"}


def request(path: str = "/servers/a/queue", method: str = "GET", **headers: str) -> web.BaseRequest:
    named = {"Host": "127.0.0.1:8200"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request(method, path, CIMultiDictProxy(CIMultiDict(named)))


def judgements() -> Judgements:
    return Judgements(is_breakable=False, has_seals=False)


def cause_of(known: Judgements, asked: web.BaseRequest, hosts: OwnHosts = HOSTS) -> Cause | None:
    verdict = known.of(asked, hosts, TAGS)[1]
    return verdict.cause if isinstance(verdict, Refusal) else None


def test_equal_request_is_judged_once() -> None:
    known = judgements()
    assert known.of(request(), HOSTS, TAGS) is known.of(request(), HOSTS, TAGS)


def test_request_with_any_difference_is_judged_again() -> None:
    known = judgements()
    assert cause_of(known, request()) is None
    assert cause_of(known, request(Sec_Fetch_Site="cross-site")) is Cause.CROSS_SITE
    assert cause_of(known, request(Host="evil.example")) is Cause.BAD_HOST
    assert cause_of(known, request("/servers/b/queue")) is Cause.UNKNOWN_SERVER
    assert cause_of(known, request(method="PUT")) is Cause.BAD_METHOD
    assert cause_of(known, request()) is None


def test_request_is_judged_again_with_other_names_or_servers() -> None:
    known = judgements()
    assert isinstance(known.of(request(), HOSTS, TAGS)[1], Admitted)
    assert isinstance(known.of(request(), HOSTS, {})[1], Refusal)
    assert isinstance(known.of(request(), HOSTS.named(["studio.lan"]), TAGS)[1], Admitted)
    assert cause_of(known, request(Host="studio.lan:8200")) is Cause.BAD_HOST


def test_kept_judgements_are_few_and_small() -> None:
    known = judgements()
    for number in range(2 * MOST):
        known.of(request(f"/servers/a/history/{number}"), HOSTS, TAGS)
    assert len(known._kept) == MOST
    large = request(Cookie="x" * LARGEST)
    assert known.of(large, HOSTS, TAGS) is not known.of(large, HOSTS, TAGS)
