"""The journal and the report of a window: their content, what they never contain, and that nothing depends on them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import MooringError, ServerLockedError, StorageError
from app.core.model import Fleet, PromptId, WindowId
from app.core.ports.http import Request, Response
from app.core.window import Window
from app.session import Session
from app.session.console import ConsoleContract
from app.session.journal_writer import LogNotes
from app.session.memory.sandbox import HERE, THERE, Sandbox, SandboxServers, make_fleet
from tests.ports.tasks import changed
from tests.simulation.replay import replay_bundle
from tests.simulation.store import Bytes

PICTURE = Bytes(b"zq-picture-data", "image/png")
secrets = st.from_regex(r"zq[a-z0-9]{4,16}", fullmatch=True)


class NamedBytes(Bytes):
    """A Blob with a file's name."""

    name = "zq-name.png"


def workflow(text: str) -> dict[str, Any]:
    """A workflow with that text in all possible places."""
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": text}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": text, "api_key": text, "more": [text, {"in": text}]}},
        "9": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": text},
            "_meta": {"title": text},
        },
    }


@dataclass
class TalkingServers(SandboxServers):
    """Servers that repeat a text in all of their answers."""

    text: str = ""
    refuses: bool = False

    def answer(self, request: Request) -> Response:
        if request.path.endswith("/prompt") and self.refuses:
            fault = {"type": "value_not_in_list", "message": self.text, "details": self.text, "extra_info": self.text}
            errors = {"6": {"errors": [fault], "class_type": "CLIPTextEncode", "dependent_outputs": ["9"]}}
            return Response(400, {}, json.dumps({"error": {**fault}, "node_errors": errors}))
        if "/view" in request.path:
            return Response(500, {}, self.text)
        if request.path.endswith("/upload/image"):
            return Response(200, {}, json.dumps({"name": "zq-uploaded.png", "subfolder": self.text, "type": "input"}))
        return super().answer(request)

    def fail(self, prompt_id: str) -> None:
        """End the prompt with an error that quotes the text, and with a picture that is named after it."""
        noted = {
            "prompt_id": prompt_id, "node_id": "6", "node_type": "CLIPTextEncode", "exception_message": self.text,
            "exception_type": "ValueError", "traceback": [self.text], "current_inputs": {"text": [self.text]},
        }  # fmt: skip
        picture = {"filename": f"{self.text}_00001_.png", "subfolder": self.text, "type": "output"}
        outputs = {"9": {"images": [picture], "text": [self.text]}}
        status = {"status_str": "error", "completed": False, "messages": [["execution_error", noted]]}
        self.end(prompt_id, {"outputs": outputs, "status": status})


@dataclass
class Shelf:
    """A JournalStore in memory, which can fail."""

    kept: dict[WindowId, str] = field(default_factory=dict)
    tries: int = 0
    error: MooringError | None = None

    async def read(self, window_id: WindowId) -> str:
        return self.kept.get(window_id, "")

    async def write(self, window_id: WindowId, text: str, at: float) -> None:
        self.tries += 1
        if self.error is not None:
            raise self.error
        self.kept[window_id] = text


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the session has no single event for all of it
            await asyncio.sleep(0.001)


async def start(sandbox: Sandbox, shelf: Shelf | None = None) -> Session:
    session = Session(replace(sandbox.ports, journal=shelf))
    await session.start()
    await until(lambda: session.fleet.servers)
    return session


def kinds(session: Session) -> list[str]:
    return [entry.kind for entry in session.journal.journal.entries]


async def live(secret: str, *, prompts: bool) -> dict[str, Any]:
    """The report of a life in which that text is in everything that the user and a server write."""
    servers = TalkingServers(text=f"the {secret}, as told")
    fleet = make_fleet()
    noted = [
        replace(item, address=f"http://{secret}:{secret}@{item.server_id}.invalid/?k={secret}")
        for item in fleet.servers
    ]
    sandbox = Sandbox(servers=servers)
    sandbox.fleet.put(Fleet(tuple(replace(item, detail=secret, name=secret) for item in noted), "flags"))
    await sandbox.fleet.first()
    session = await start(sandbox)
    contract = ConsoleContract(session)
    notes = LogNotes(session.note)
    log = logging.getLogger("mooring.test")
    log.addHandler(notes)
    try:
        inputs = {"1": {"image": NamedBytes(PICTURE.data, "image/png")}}
        prompt_id = await contract.call("submit_workflow", [workflow(secret), {"title": secret, "inputs": inputs}])
        servers.fail(prompt_id)
        await session.look_again(prompt_id)
        await until(lambda: session.window.tasks[prompt_id].state.is_end)
        await until(lambda: "undelivered" in kinds(session))
        servers.refuses = True
        with pytest.raises(MooringError):
            await contract.call("submit_workflow", [workflow(secret), {"title": secret}])
        try:
            raise ValueError(secret)
        except ValueError:
            log.exception("it failed for %s", secret)
        return await contract.call("debug_bundle", [{"prompts": prompts}])
    finally:
        log.removeHandler(notes)
        await session.stop()


@settings(max_examples=15, deadline=None)
@given(secrets)
def test_report_has_no_texts_credentials_or_pictures(secret: str) -> None:
    report = asyncio.run(live(secret, prompts=False))
    text = json.dumps(report, ensure_ascii=False, allow_nan=False)
    assert secret not in text
    for hidden in ("zq-picture-data", "zq-name", "zq-uploaded", "clientId", PICTURE.data.hex()):
        assert hidden not in text
    assert [task["state"] for task in report["tasks"]] == ["failed", "failed"]
    assert report["tasks"][0]["workflow"]["6"]["class_type"] == "CLIPTextEncode"
    assert report["tasks"][0]["inputs"][0]["sha256"]
    assert {"evidence", "submitting", "uploaded", "logged", "undelivered"} <= {
        entry["kind"] for entry in report["journal"]["entries"]
    }


def test_report_with_prompts_has_texts_but_no_credentials() -> None:
    report = asyncio.run(live("zqtext", prompts=True))
    text = json.dumps(report, ensure_ascii=False)
    nodes = report["tasks"][0]["workflow"]
    assert nodes["6"]["inputs"]["text"] == "zqtext"
    assert nodes["6"]["inputs"]["api_key"] == "(withheld)"
    assert report["tasks"][0]["title"] == "zqtext"
    assert "the zqtext, as told" in report["tasks"][0]["failure"]["message"]
    assert "zqtext@" not in text
    assert "?k=" not in text
    assert "zq-picture-data" not in text


@pytest.mark.parametrize("prompts", [False, True])
def test_a_report_replays(prompts: bool) -> None:
    report = asyncio.run(live("zqtext", prompts=prompts))
    replayed = replay_bundle(json.loads(json.dumps(report)))
    assert replayed.problems == []
    assert replayed.judged >= 3
    assert not replayed.skipped


async def test_journal_records_run_from_click_to_end() -> None:
    sandbox = Sandbox()
    session = await start(sandbox)
    contract = ConsoleContract(session)
    prompt_id = await contract.call("submit_workflow", [workflow("a rose")])
    with pytest.raises(ServerLockedError):
        session.validate_server_consistency("upload", THERE if session.window.window_locked_server == HERE else HERE)
    sandbox.servers.finish(prompt_id)
    await session.wait_for(prompt_id)
    noted = [entry for entry in session.journal.journal.entries if entry.facts.get("prompt_id") == prompt_id]
    order = [entry.facts.get("evidence", entry.kind) for entry in noted]
    answered = [kind for kind in order if kind != "Started"]  # which the socket may tell before the answer comes
    assert answered[:4] == ["reserved", "registered", "submitting", "Accepted"]
    assert order.index("submitting") < order.index("Started") < order.index("Finished")
    assert order.index("Finished") < order.index("delivered")
    reserved = noted[0].facts
    assert set(reserved["loads"]) == {HERE, THERE}
    finished = next(entry.facts for entry in noted if entry.facts.get("evidence") == "Finished")
    assert (finished["now"], finished["said"]["end"]) == ("succeeded", "success")
    assert {"claimed", "restored", "fleet", "wake", "moored", "guard_refused", "socket"} <= set(kinds(session))
    await session.stop()


async def test_reload_restores_journal() -> None:
    sandbox, shelf = Sandbox(), Shelf()
    session = await start(sandbox, shelf)
    await ConsoleContract(session).call("submit_workflow", [workflow("a rose")])
    await until(lambda: "Accepted" in shelf.kept.get(WindowId("sandbox"), ""))
    await session.stop()
    sandbox.fleet.put(make_fleet())
    later = await start(sandbox, shelf)
    await until(lambda: kinds(later).count("claimed") == 2)
    noted = kinds(later)
    assert noted.index("submitting") < len(noted) - 1 - noted[::-1].index("claimed")
    report = await ConsoleContract(later).call("debug_bundle", [])
    assert replay_bundle(report).problems == []
    await later.stop()


async def test_failed_journal_copy_is_counted_and_stops_nothing() -> None:
    sandbox, shelf = Sandbox(), Shelf(error=StorageError("write_journal", "quota"))
    session = await start(sandbox, shelf)
    prompt_id = await ConsoleContract(session).call("submit_workflow", [workflow("a rose")])
    sandbox.servers.finish(prompt_id)
    task = await session.wait_for(prompt_id)
    assert task.state.value == "succeeded"
    await until(lambda: session.journal.failures >= 1)
    assert session.store_error is None
    shelf.error = None
    session.note("one more")
    await until(lambda: "one more" in shelf.kept.get(WindowId("sandbox"), ""))
    assert "Accepted" in shelf.kept[WindowId("sandbox")]
    await session.stop()


async def test_polls_without_news_fill_neither_journal_nor_disk() -> None:
    sandbox, shelf = Sandbox(), Shelf()
    session = await start(sandbox, shelf)
    prompt_id = PromptId(await ConsoleContract(session).call("submit_workflow", [workflow("a rose")]))

    def looks() -> int:
        seen = [item for item in session.journal.journal.entries if item.facts.get("evidence") == "Seen"]
        return sum(item.times for item in seen)

    await until(lambda: looks() > 5)
    entries, tries = len(session.journal.journal.entries), shelf.tries
    await until(lambda: looks() > 30)
    assert len(session.journal.journal.entries) <= entries + 1
    assert shelf.tries <= tries + 2
    assert isinstance(session.window, Window)
    assert prompt_id in session.window.tasks
    await session.stop()


def test_report_of_unrestored_window_has_the_cause() -> None:
    async def work() -> dict[str, Any]:
        sandbox = Sandbox()

        async def claim(_: object) -> Any:
            raise StorageError("claim", "blocked", "zqdetail")

        sandbox.store.claim = claim  # type: ignore[method-assign]
        session = Session(sandbox.ports)
        await session.start()
        report: dict[str, Any] = await ConsoleContract(session).call("debug_bundle", [])
        await session.stop()
        return report

    report = asyncio.run(work())
    assert report["store"]["failed"] == {
        "is": "StorageError", "operation": "claim", "cause": "blocked", "detail": "(8 characters)",
    }  # fmt: skip
    assert report["mooring"] is None
    assert report["tasks"] == []


async def test_report_has_identity_holders_violations_and_repetitions() -> None:
    session = await start(Sandbox())
    prompt_id = await ConsoleContract(session).call("submit_workflow", [workflow("a rose")])
    locked = session.window.window_locked_server
    other = THERE if locked == HERE else HERE
    stored = session._state.records._stored
    stored |= {key: changed(task, server_id=other) for key, task in stored.items()}
    for _ in range(2):
        session.journal.note("story", {}, topic="story", echo=True)
    report = await ConsoleContract(session).call("debug_bundle", [])
    assert report["windowId"] == "sandbox"
    assert [server["server_id"] for server in report["fleet"]["servers"]] == [HERE, THERE]
    assert report["fleet"]["source"] == "sandbox"
    assert report["mooring"] == {"locked": locked, "holders": [prompt_id], "reservations": []}
    assert [(item["kind"], item["prompt_ids"]) for item in report["violations"]] == [("store", [prompt_id])]
    noted = {entry["kind"]: entry for entry in report["journal"]["entries"]}
    assert (noted["story"]["times"], noted["story"]["until"] >= noted["story"]["at"]) == (2, True)
    assert "times" not in noted["registered"], "it happened once"
    await session.stop()


def test_page_facts_are_reported_unchanged() -> None:
    async def work() -> dict[str, Any]:
        async def read_page() -> dict[str, Any]:
            return {"userAgent": "Mozilla/5.0 (X11; Linux)"}

        session = await start(Sandbox())
        report: dict[str, Any] = await ConsoleContract(session, read_page).call("debug_bundle", [])
        await session.stop()
        return report

    assert asyncio.run(work())["page"] == {"userAgent": "Mozilla/5.0 (X11; Linux)"}
