"""Sockets of several users on one server: each receives events of their own work, and may send only what is allowed."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.integration.echo_server import serve_echo
from tests.kit.gateways import until
from tests.kit.services import start_demo
from tests.kit.studio import SharedDemo, Studio, open_listener, open_studio, picture_prompt, slow_prompt


@pytest.fixture(scope="module")
def slow_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedDemo]:
    """A demo server on which a slow prompt takes three seconds."""
    data = tmp_path_factory.mktemp("data")
    with start_demo("--step-seconds", "0.02", data=data) as service:
        yield SharedDemo(service, data)


@pytest.fixture
async def studio(slow_demo: SharedDemo) -> AsyncIterator[Studio]:
    """Start a gateway with three users."""
    async with open_studio(demo=slow_demo) as studio:
        yield studio


async def test_users_receive_only_events_of_their_own_work(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    async with open_listener(alice) as hers, open_listener(bob) as his:
        first = await alice.submit(slow_prompt(1), extra_data={"preview_method": "auto"})
        second = await bob.submit(picture_prompt())
        await until(lambda: "executed" in his.kinds() and "executed" in hers.kinds())
        assert hers.prompts() == {first} and his.prompts() == {second}
        assert {"progress", "execution_start", "executed"} <= set(hers.kinds()) and hers.binaries
        assert hers.texts[0]["data"]["sid"] == alice.client_id
        [executed] = [text for text in his.texts if text["type"] == "executed"]
        [file] = executed["data"]["output"]["images"]
        assert (await bob.get("/servers/a/view", params=file))[0] == 200


async def test_broadcast_of_others_work_is_dropped(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    async with open_listener(alice) as hers:
        prompt_id = str(uuid.uuid4())
        await studio.direct("POST", "/prompt", json={"prompt": slow_prompt(3), "prompt_id": prompt_id})
        await until(lambda: studio.has_ended(prompt_id))
        own = await alice.submit()
        await until(lambda: "executed" in hers.kinds())
        assert hers.prompts() == {own}


async def test_another_users_client_id_receives_nothing(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    async with open_listener(bob, alice.client_id) as spying, open_listener(alice) as hers:
        first = await alice.submit(picture_prompt())
        await until(lambda: "executed" in hers.kinds())
        assert spying.prompts() == set()
        second = await bob.submit(picture_prompt(color=5))
        await bob.result(second)
        assert hers.prompts() == {first}


async def test_late_socket_receives_events_of_the_run(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    prompt_id = await alice.submit(slow_prompt(4))
    await until(lambda: studio.is_running(prompt_id))
    async with open_listener(alice) as hers:
        await until(lambda: "progress" in hers.kinds() and "executed" in hers.kinds())
        assert hers.prompts() - {"nameless 1"} == {prompt_id}, "only previews before the flags name no prompt"


async def test_only_allowed_messages_reach_the_server(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    async with open_listener(alice) as hers:
        for text in ('{"type": "custom", "data": {}}', "[]", "nonsense", '{"type": ["feature_flags"]}'):
            await hers.socket.send_str(text)
        own = await alice.submit()
        await until(lambda: "executed" in hers.kinds())
        assert hers.prompts() == {own}


async def test_undeclared_event_reaches_only_the_metrics() -> None:
    async with serve_echo() as echo, open_studio(server=echo.url) as studio:
        alice, carol = await studio.log_in("alice"), await studio.log_in("carol")
        async with open_listener(alice) as hers:
            await echo.sockets[0].send_json({"type": "new_event", "data": {"prompt_id": "p"}})

            async def is_counted() -> bool:
                metrics = (await carol.get("/metrics"))[1]
                return 'mooring_undeclared_events_total{event="new_event",server="a"} 1.0' in metrics.decode()

            await until(is_counted)
            assert hers.kinds() == ["status"]
