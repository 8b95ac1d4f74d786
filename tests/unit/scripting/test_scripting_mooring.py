"""`mooring` of a script: the calls of the page's console, with the same names and arguments."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from app.core.errors import MooringError, TaskNotFound
from app.scripting.mooring import CALLS, Mooring
from app.scripting.wire import BLOB_KEY, camel
from app.session.console import METHODS, ConsoleContract
from tests.unit.test_console_contract import WORKFLOW, Console


class FakePage:
    """Records calls, and returns one answer."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Any, list[bytes]]] = []

    async def send(self, method: str, text: str, blobs: list[bytes]) -> str:
        self.asked.append((method, json.loads(text), blobs))
        return json.dumps({"value": self.answer})


def mooring_on(fake: FakePage) -> Any:
    return Mooring(fake.send, origin="http://studio.lan", version="1")


def test_module_has_every_name_of_the_console_in_both_spellings() -> None:
    mooring = mooring_on(FakePage())
    assert {camel(name) for name in CALLS} == {*METHODS, "save"}
    for name in CALLS:
        assert inspect.iscoroutinefunction(getattr(mooring, name))
        assert getattr(mooring, camel(name)) == getattr(mooring, name)
        assert inspect.getdoc(getattr(mooring, name)), name
    assert (mooring.origin, mooring.version, mooring.__name__) == ("http://studio.lan", "1", "mooring")
    assert issubclass(mooring.ServerLockedError, mooring.MooringError)
    assert mooring.MooringError is MooringError


@pytest.mark.parametrize("name", sorted(METHODS))
def test_each_call_has_the_consoles_number_of_arguments(name: str) -> None:
    """In the console, named options are one last argument."""
    own = inspect.signature(getattr(Mooring, next(item for item in CALLS if camel(item) == name))).parameters.values()
    taken = [item for item in own if item.kind is not inspect.Parameter.VAR_KEYWORD]
    assert len(taken) == len(inspect.signature(getattr(ConsoleContract, METHODS[name])).parameters)


async def test_options_are_named_or_one_dictionary() -> None:
    fake = FakePage("id")
    mooring = mooring_on(fake)
    await mooring.submit_workflow({"1": {}}, title="Dunes", inputs={"1": {"image": b"p"}})
    await mooring.submitWorkflow({"1": {}}, {"title": "Dunes"})
    await mooring.submit_workflow("{}", workflow={"nodes": []})
    await mooring.run_again("a", elsewhere=True)
    fake.answer = {}
    await mooring.debug_bundle()
    assert fake.asked == [
        ("submitWorkflow", [{"1": {}}, {"title": "Dunes", "inputs": {"1": {"image": {BLOB_KEY: 0}}}}], [b"p"]),
        ("submitWorkflow", [{"1": {}}, {"title": "Dunes"}], []),
        ("submitWorkflow", ["{}", {"workflow": {"nodes": []}}], []),
        ("runAgain", ["a", {"elsewhere": True}], []),
        ("debugBundle", [], []),
    ]


async def test_files_are_sent_as_bytes() -> None:
    fake = FakePage({"name": "a.png"})
    mooring = mooring_on(fake)
    assert await mooring.upload_image(memoryview(b"p"), "a.png") == {"name": "a.png"}
    await mooring.save("a.txt", "沙")
    assert [asked[1:] for asked in fake.asked] == [
        ([{BLOB_KEY: 0}, "a.png"], [b"p"]),
        (["a.txt", {BLOB_KEY: 0}], ["沙".encode()]),
    ]


class SandboxPage:
    """The page's interface over a sandbox; answers as its console does."""

    def __init__(self, console: Console) -> None:
        self.console = console

    async def send(self, method: str, text: str, _blobs: list[bytes]) -> str:
        try:
            return json.dumps({"value": await self.console.call(METHODS[method], *json.loads(text))})
        except MooringError as error:
            facts = {camel(name): value for name, value in error.facts().items()}
            return json.dumps({"error": {"name": type(error).__name__, "message": str(error), "facts": facts}})


@pytest_asyncio.fixture
async def started_console() -> AsyncIterator[Console]:
    console = Console()
    await console.session.start()
    yield console
    await console.session.stop()


async def test_script_runs_a_workflow_through_the_console_contract(started_console: Console) -> None:
    mooring: Any = Mooring(SandboxPage(started_console).send, origin="", version="")
    prompt_id = await mooring.submit_workflow(WORKFLOW, title="Dunes")
    started_console.sandbox.servers.finish(prompt_id)
    task = await mooring.wait_for(prompt_id)
    assert (task["state"], task["title"]) == ("succeeded", "Dunes")
    assert (await mooring.get_task_bound_image_url(prompt_id)).startswith("/servers/")
    assert [item["promptId"] for item in await mooring.tasks()] == [prompt_id]
    assert await mooring.verify() == {"ok": True, "violations": []}
    with pytest.raises(TaskNotFound) as refused:
        await mooring.cancel("none")
    assert refused.value.prompt_id == "none"
