"""Queue, history and cancelling: what is listed, dropped, and recorded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.peer import (
    Peer,
    entry,
    history_of,
    new_id,
    post,
    queue,
    quick,
    running,
    submit,
    until,
    without_added,
)


async def test_running_and_pending_jobs_are_listed_and_have_no_history(peer: Peer) -> None:
    first = await submit(peer, peer.slow_workflow(20), client_id="q")
    await running(peer, first)
    workflow = quick()
    second = await submit(peer, workflow, client_id="q")
    listing = (await peer.request("GET", "/queue")).json()
    assert list(listing) == ["queue_running", "queue_pending"]
    item = next(each for each in listing["queue_pending"] if each[1] == second)
    assert [item[2], item[4]] == [workflow, ["9"]]
    assert without_added(peer, item[3]) == {"client_id": "q"}
    assert (await peer.request("GET", "/prompt")).json()["exec_info"]["queue_remaining"] >= 2
    assert await history_of(peer, first) is None
    assert await history_of(peer, second) is None
    await post(peer, "/interrupt", {"prompt_id": first})
    await entry(peer, second)


async def test_pending_is_listed_in_heap_order(peer: Peer) -> None:
    if not peer.is_alone:
        pytest.skip("jobs of others would stand between ours")
    blocker = await submit(peer, peer.slow_workflow(50))
    await running(peer, blocker)
    ids = {number: new_id() for number in (1000, 1003, 1001, 1004)}
    for number, prompt_id in ids.items():
        await submit(peer, quick(), prompt_id=prompt_id, number=number)
    await post(peer, "/queue", {"delete": []})
    assert (await queue(peer))[1] == [ids[1000], ids[1003], ids[1001], ids[1004]]
    await post(peer, "/queue", {"delete": list(ids.values())})
    await post(peer, "/interrupt", {"prompt_id": blocker})
    await entry(peer, blocker)


async def test_lower_numbers_run_first(peer: Peer) -> None:
    blocker = await submit(peer, peer.slow_workflow(20))
    await running(peer, blocker)
    late = await submit(peer, quick(), number=1e7)
    early = await submit(peer, quick(), number=-1e7)
    await post(peer, "/interrupt", {"prompt_id": blocker})
    after, before = await entry(peer, late), await entry(peer, early)
    assert before["status"]["messages"][-1][1]["timestamp"] <= after["status"]["messages"][0][1]["timestamp"]


async def test_deleting_a_pending_job_leaves_no_trace(peer: Peer) -> None:
    first = await submit(peer, peer.slow_workflow(20))
    await running(peer, first)
    second = await submit(peer, quick())
    answer = await post(peer, "/queue", {"delete": [second, first, "unknown"]})
    assert (answer.status, answer.body) == (200, b"")
    now, waiting = await queue(peer)
    assert first in now and second not in waiting
    await post(peer, "/interrupt", {"prompt_id": first})
    await entry(peer, first)
    assert await history_of(peer, second) is None


async def test_interrupted_job_is_an_error_with_its_own_message(peer: Peer) -> None:
    prompt_id = await submit(peer, peer.slow_workflow(40), client_id="i")
    await running(peer, prompt_id)
    answer = await post(peer, "/interrupt", {"prompt_id": prompt_id})
    assert (answer.status, answer.body) == (200, b"")
    found = await entry(peer, prompt_id)
    status = found["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    kind, data = status["messages"][-1]
    assert kind == "execution_interrupted"
    assert set(data) == {"prompt_id", "node_id", "node_type", "executed", "timestamp"}
    assert found["outputs"] == {}


async def test_interrupt_affects_only_the_named_running_job(peer: Peer) -> None:
    first = await submit(peer, peer.slow_workflow(15))
    await running(peer, first)
    second = await submit(peer, quick())
    await post(peer, "/interrupt", {"prompt_id": second})
    await post(peer, "/interrupt", {"prompt_id": "unknown"})
    assert (await entry(peer, first))["status"]["status_str"] == "success"
    assert (await entry(peer, second))["status"]["status_str"] == "success"


async def test_bare_interrupt_stops_the_running_job(peer: Peer) -> None:
    if not peer.is_alone:
        pytest.skip("it would stop the jobs of others")
    assert (await peer.request("POST", "/interrupt")).status == 200
    prompt_id = await submit(peer, peer.slow_workflow(100))
    await running(peer, prompt_id)
    assert await history_of(peer, prompt_id) is None
    assert (await peer.request("POST", "/interrupt")).status == 200
    assert (await entry(peer, prompt_id))["status"]["messages"][-1][0] == "execution_interrupted"
    assert (await post(peer, "/interrupt", [])).status == 500


async def test_clear_drops_pending_jobs_of_all_clients(peer: Peer) -> None:
    if not peer.is_alone:
        pytest.skip("it would drop the jobs of others")
    blocker = await submit(peer, peer.slow_workflow(40))
    await running(peer, blocker)
    ids = [await submit(peer, quick()) for _ in range(3)]
    assert (await post(peer, "/queue", {"clear": True})).status == 200
    assert not set(ids) & set((await queue(peer))[1])
    await post(peer, "/interrupt", {"prompt_id": blocker})
    await entry(peer, blocker)


async def test_history_can_be_cleared(peer: Peer) -> None:
    prompt_id = await submit(peer, quick())
    await entry(peer, prompt_id)
    answer = await post(peer, "/history", {"delete": [prompt_id, "unknown"]})
    assert (answer.status, answer.body) == (200, b"")
    assert await history_of(peer, prompt_id) is None


async def test_history_is_cut_by_limit_and_offset(peer: Peer) -> None:
    ids = [await submit(peer, quick()) for _ in range(3)]
    for prompt_id in ids:
        await entry(peer, prompt_id)

    async def keys(**query: str) -> list[str]:
        return list((await peer.request("GET", "/history", query)).json())

    everything = await keys()
    assert [each for each in everything if each in ids] == ids
    assert await keys(max_items="2") == everything[-2:]
    assert await keys(max_items="2", offset="0") == everything[:2]
    assert await keys(max_items="1", offset="1") == everything[1:2]
    assert await keys(offset="2") == everything[2:]
    assert await keys(max_items="1", offset="-1") == everything[-1:]
    assert await keys(max_items="0") == []
    assert await keys(max_items="-1") == []
    assert await keys(max_items="500", offset="99999") == []
    assert (await peer.request("GET", "/history", {"max_items": "abc"})).status == 500


async def test_unknown_id_is_an_empty_object_with_200(peer: Peer) -> None:
    answer = await peer.request("GET", f"/history/{new_id()}")
    assert (answer.status, answer.json()) == (200, {})


async def test_free_needs_a_body_and_drops_the_cache(peer: Peer) -> None:
    assert (await peer.request("POST", "/free")).status == 500
    if not peer.is_alone:
        pytest.skip("it would drop the cache of others")
    workflow = quick()
    first = await entry(peer, await submit(peer, workflow))
    await post(peer, "/free", {"free_memory": True})

    async def second() -> Any:
        found = await entry(peer, await submit(peer, workflow))
        return found if found["outputs"] != first["outputs"] else None

    assert await until(peer, second)
