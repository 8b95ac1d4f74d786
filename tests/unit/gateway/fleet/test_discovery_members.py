"""The members of a table: which servers are members, leave, or have left, by their claims and never by address."""

from __future__ import annotations

from dataclasses import replace

from gateway.fleet.discovery.claims import Claim, address_of
from gateway.fleet.discovery.endpoints import Endpoint
from gateway.fleet.discovery.members import Membership
from gateway.fleet.fleet import Discover
from gateway.http.servers import Proof, ProofKind, Server, ServerId

GPU = Discover("dns://comfyui.internal:8188", "comfyui.internal", 8188, "gpu", is_minted=True)
SRV = Discover("srv://_comfyui._tcp.internal", "_comfyui._tcp.internal", None, "gpu")
DEPARTURE = 60.0


def at(address: str, port: int = 8188) -> Endpoint:
    return Endpoint(address, port, (address,))


def named(host: str, address: str, priority: int = 0, weight: int = 0) -> Endpoint:
    return Endpoint(host, 8188, (address,), True, priority, weight)


def who(name: str) -> Claim:
    return Claim(ServerId(f"gpu-{name}"), f"mooring:{name}", Proof(ProofKind.MINTED, name))


def all_well(_: ServerId) -> bool:
    return True


def none_well(_: ServerId) -> bool:
    return False


def shown(roll: Membership, is_well: object = all_well) -> dict[str, tuple[str, bool]]:
    servers: tuple[Server, ...] = roll.servers(is_well)  # type: ignore[arg-type]
    return {server.id: (server.address, server.is_drained) for server in servers}


ONE, TWO, SIX = at("10.0.0.1"), at("10.0.0.2"), at("fd00::1")
BOTH = Membership(GPU).named([ONE, TWO]).met({ONE: who("a"), TWO: who("b")})


def test_named_and_identified_server_is_a_member() -> None:
    assert shown(BOTH) == {"gpu-a": ("http://10.0.0.1:8188", False), "gpu-b": ("http://10.0.0.2:8188", False)}
    assert BOTH.unsettled(all_well, is_thorough=True) == []
    assert BOTH.unsettled(none_well, is_thorough=False) == [ONE, TWO]


def test_unnamed_server_is_drained_and_stays_while_it_answers() -> None:
    roll = BOTH.named([TWO]).parted(0.0, all_well, DEPARTURE).parted(10_000.0, all_well, DEPARTURE)
    assert shown(roll)["gpu-a"] == ("http://10.0.0.1:8188", True)


def test_server_among_leaving_ones_is_drained_member() -> None:
    fresh = Membership(GPU).named([TWO], [ONE, TWO])
    assert fresh.unsettled(none_well, is_thorough=True) == [TWO, ONE]
    met = fresh.met({ONE: who("a"), TWO: who("b")})
    assert shown(met) == {"gpu-a": ("http://10.0.0.1:8188", True), "gpu-b": ("http://10.0.0.2:8188", False)}
    assert shown(met.named([ONE, TWO], [ONE, TWO]))["gpu-a"] == ("http://10.0.0.1:8188", False), "it was only starting"


def test_server_returning_at_another_address_is_one_member() -> None:
    three = at("10.0.0.3")
    left = BOTH.named([TWO], [ONE, TWO])
    back = left.named([TWO, three], [ONE, TWO, three]).met({three: who("a")})
    assert shown(back)["gpu-a"] == ("http://10.0.0.3:8188", False)
    assert back.contested == {}


def test_server_departs_after_being_unreachable_for_long() -> None:
    roll = BOTH.named([TWO]).parted(0.0, none_well, DEPARTURE)
    assert "gpu-a" in shown(roll.parted(59.0, none_well, DEPARTURE))
    assert "gpu-a" not in shown(roll.parted(60.0, none_well, DEPARTURE))
    back = roll.parted(59.0, all_well, DEPARTURE)  # an answer restarts the wait
    assert "gpu-a" in shown(back.parted(70.0, none_well, DEPARTURE))


def test_named_server_without_answer_stays() -> None:
    assert shown(BOTH.parted(0.0, none_well, DEPARTURE).parted(10_000.0, none_well, DEPARTURE)) == shown(BOTH)


def test_duplicate_id_waits_until_first_address_is_reassigned() -> None:
    three = at("10.0.0.3")
    roll = BOTH.named([ONE, TWO, three]).met({three: who("a")})  # ONE is silent now, and may only be slow
    assert shown(roll).keys() == {"gpu-b"} and set(roll.contested) == {"gpu-a"}
    assert shown(roll.named([TWO, three]).met({three: who("a")}))["gpu-a"] == ("http://10.0.0.3:8188", False)
    taken = BOTH.named([ONE, TWO, three]).met({three: who("a"), ONE: who("c")})
    assert shown(taken).keys() == {"gpu-a", "gpu-b", "gpu-c"}


def test_a_server_at_another_address_is_the_same_one() -> None:
    three = at("10.0.0.3")
    roll = BOTH.named([TWO, three]).met({three: who("a")})
    assert shown(roll) == {"gpu-a": ("http://10.0.0.3:8188", False), "gpu-b": ("http://10.0.0.2:8188", False)}


def test_another_server_at_the_address_replaces_the_first() -> None:
    roll = BOTH.met({ONE: who("c")})
    assert shown(roll)["gpu-c"] == ("http://10.0.0.1:8188", False)
    assert shown(roll)["gpu-a"] == ("http://10.0.0.1:8188", True)
    assert roll.leaving() == ["gpu-a"]


def test_address_of_moved_server_is_asked_for_its_identity() -> None:
    roll = BOTH.named([TWO]).met({TWO: who("a")}).named([ONE, TWO])
    assert roll.unsettled(all_well, is_thorough=False) == [ONE]


def test_the_addresses_of_a_name_may_change() -> None:
    old, new = named("gpu-0.internal", "10.0.0.1"), named("gpu-0.internal", "10.0.0.9")
    roll = Membership(SRV).named([old]).met({old: who("a")}).named([new])
    assert roll.unsettled(all_well, is_thorough=False) == [new]
    (server,) = roll.met({new: who("a")}).servers(all_well)
    assert (server.address, server.dial) == ("http://gpu-0.internal:8188", ("10.0.0.9",))


def test_duplicate_id_excludes_both_servers_until_one_leaves() -> None:
    claims = {ONE: who("a"), TWO: who("a")}
    assert set(Membership(GPU).rivals(claims)["gpu-a"]) == {ONE, TWO}  # type: ignore[index]
    roll = Membership(GPU).named([ONE, TWO]).met(claims)
    assert shown(roll) == {} and set(roll.contested) == {"gpu-a"}
    alone = roll.met({ONE: who("a")})
    assert shown(alone) == {}, "both are named still: nobody knows which of them has the work"
    assert shown(alone.named([ONE]).met({ONE: who("a")})) == {"gpu-a": ("http://10.0.0.1:8188", False)}


def test_contest_ends_when_one_server_gets_another_id() -> None:
    three = at("10.0.0.3")
    shared = Membership(GPU).named([ONE, TWO]).met({ONE: who("a"), TWO: who("a")})
    mended = shared.met({ONE: who("c"), TWO: who("a")})
    assert (shown(mended).keys(), mended.contested) == ({"gpu-c", "gpu-a"}, {})
    one_by_one = shared.met({ONE: who("c")}).met({TWO: who("a")})
    assert (shown(one_by_one).keys(), one_by_one.contested) == ({"gpu-c", "gpu-a"}, {})
    assert shared.met({ONE: who("c"), TWO: who("d")}).contested == {}, "nobody has that id any more"
    assert shared.named([three]).met({three: who("e")}).contested == {}, "both are gone"
    assert set(shared.met({}).contested) == {"gpu-a"}, "that both are silent settles nothing"


def test_dual_stack_server_returns_when_its_rival_leaves() -> None:
    shared = Membership(GPU).named([ONE, TWO, SIX]).met({ONE: who("a"), TWO: who("a"), SIX: who("a")})
    assert shown(shared) == {}
    alone = shared.named([ONE, SIX]).met({ONE: who("a"), SIX: who("a")})
    assert (shown(alone), alone.contested) == ({"gpu-a": ("http://10.0.0.1:8188", False)}, {})


def test_member_rivals_a_server_that_claims_its_id() -> None:
    three = at("10.0.0.3")
    roll = BOTH.named([TWO, three])
    assert roll.rivals({three: who("a")}) == {"gpu-a": {ONE, three}}
    assert shown(roll.met({ONE: who("a"), three: who("a")})).keys() == {"gpu-b"}


def test_an_ipv4_and_an_ipv6_address_are_one_server() -> None:
    roll = Membership(GPU).named([SIX, ONE]).met({SIX: who("a"), ONE: who("a")})
    assert shown(roll) == {"gpu-a": ("http://10.0.0.1:8188", False)}
    assert roll.unsettled(all_well, is_thorough=False) == []
    assert roll.unsettled(all_well, is_thorough=True) == [SIX]


def test_lowest_priority_takes_work_while_one_server_is_healthy() -> None:
    first, spare = named("a.internal", "10.0.0.1", 10, 3), named("b.internal", "10.0.0.2", 20, 1)
    roll = Membership(SRV).named([first, spare]).met({first: who("a"), spare: who("b")})
    assert {key: drained for key, (_, drained) in shown(roll).items()} == {"gpu-a": False, "gpu-b": True}
    assert not any(drained for _, drained in shown(roll, lambda one: one == "gpu-b").values())
    changed = roll.named([replace(first, priority=30), spare])
    assert {key: drained for key, (_, drained) in shown(changed).items()} == {"gpu-a": True, "gpu-b": False}


def test_weights_of_records_are_shares_of_the_heaviest() -> None:
    heavy, light, none = (
        named(f"{name}.internal", "10.0.0.1", 0, weight) for name, weight in (("a", 4), ("b", 1), ("c", 0))
    )
    roll = Membership(replace(SRV, weight=2.0)).named([heavy, light, none])
    roll = roll.met({heavy: who("a"), light: who("b"), none: who("c")})
    assert {one.id: one.weight for one in roll.servers(all_well)} == {"gpu-a": 2.0, "gpu-b": 0.5, "gpu-c": 0.01}
    equal = Membership(SRV).named([replace(heavy, weight=0)]).met({replace(heavy, weight=0): who("a")})
    assert equal.servers(all_well)[0].weight == 1.0


def test_number_of_leaving_servers_is_bounded() -> None:
    roll = Membership(replace(GPU, most=2))
    for number in range(9):
        end = at(f"10.0.1.{number}")
        roll = roll.named([end]).met({end: who(f"x{number}")}).parted(float(number), none_well, 1e9)
    assert len(roll.members) == 4 and "gpu-x8" in roll.members


def test_addresses_are_normalized() -> None:
    https = replace(GPU, is_https=True)
    assert address_of(GPU, Endpoint("fd00::1", 80, ("fd00::1",))) == "http://[fd00::1]"
    assert address_of(https, Endpoint("comfyui.internal", 443, ("10.0.0.1",))) == "https://comfyui.internal"
    assert address_of(https, Endpoint("comfyui.internal", 80, ("10.0.0.1",))) == "https://comfyui.internal:80"
