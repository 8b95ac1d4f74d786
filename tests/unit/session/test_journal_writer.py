"""The copy of a window's journal: when it is written, what a lost one costs, and which log lines are noted."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from app.core.errors import StorageError
from app.core.model import WindowId
from app.session.journal_writer import PAUSE, JournalWriter, LogNotes
from tests.unit.session.test_report import Shelf
from tests.unit.session.test_worker import Patience, settled

ME = WindowId("w-me")
FULL = StorageError("write_journal", "quota")


class Reading(Shelf):
    """A journal store that cannot be read."""

    async def read(self, window_id: WindowId) -> str:
        raise StorageError("read_journal", "blocked", window_id)


def kept(shelf: Shelf) -> list[str]:
    """The kinds of the entries in the copy."""
    return [entry["kind"] for entry in json.loads(shelf.kept.get(ME, "[]"))]


async def test_copy_is_written_after_pause_with_all_entries() -> None:
    clock, shelf = Patience(), Shelf()
    writer = JournalWriter(clock, shelf)
    keeping = asyncio.ensure_future(writer.keep(ME))
    await settled()
    assert (clock.seconds, shelf.tries) == ([], 0), "there is nothing new"
    writer.note("one", {})
    await settled()
    assert (clock.seconds, shelf.tries) == ([PAUSE], 0)
    writer.note("two", {})
    await clock.end(0)
    await settled()
    assert (kept(shelf), shelf.tries, len(clock.waits)) == (["one", "two"], 1, 1), "and then nobody works"
    writer.note("three", {})
    await settled()
    await clock.end(1)
    await settled()
    assert (kept(shelf), shelf.tries, writer.failures) == (["one", "two", "three"], 2, 0)
    keeping.cancel()


async def test_closing_page_writes_copy_and_continues() -> None:
    clock, shelf = Patience(), Shelf()
    writer = JournalWriter(clock, shelf)
    keeping = asyncio.ensure_future(writer.keep(ME))
    writer.note("one", {})
    await settled()
    writer.hurry()
    await settled()
    assert kept(shelf) == ["one"]
    writer.note("two", {})
    await settled()
    assert kept(shelf) == ["one"], "the hurry was for that copy"
    await clock.end(1)
    await settled()
    assert kept(shelf) == ["one", "two"]
    keeping.cancel()


async def test_a_mere_repetition_is_no_reason_for_a_copy() -> None:
    clock, shelf = Patience(), Shelf()
    writer = JournalWriter(clock, shelf)
    keeping = asyncio.ensure_future(writer.keep(ME))
    await settled()
    writer.note("look", {}, topic="task", echo=True)
    writer.hurry()
    await settled()
    for _ in range(3):
        writer.note("look", {}, topic="task", echo=True)
        await settled()
    assert shelf.tries == 1
    writer.note("look", {})
    writer.note("look", {})
    assert len(writer.journal.entries) == 3, "what is no echo is news"
    keeping.cancel()


async def test_entries_of_earlier_page_come_first() -> None:
    shelf = Shelf({ME: '[{"at":1.0,"kind":"before","facts":{}}]'})
    writer = JournalWriter(Patience(), shelf)
    writer.note("now", {})
    keeping = asyncio.ensure_future(writer.keep(ME))
    writer.hurry()
    await settled()
    assert kept(shelf) == ["before", "now"]
    keeping.cancel()


async def test_failed_copy_is_counted_and_next_one_is_complete() -> None:
    shelf = Reading(error=FULL)
    writer = JournalWriter(Patience(), shelf)
    keeping = asyncio.ensure_future(writer.keep(ME))
    await settled()
    assert writer.failures == 1, "it could not be read"
    for kind in ("one", "two"):
        writer.note(kind, {})
        writer.hurry()
        await settled()
    assert (writer.failures, kept(shelf)) == (3, [])
    shelf.error = None
    writer.note("three", {})
    writer.hurry()
    await settled()
    assert (writer.failures, kept(shelf)) == (3, ["one", "two", "three"])
    keeping.cancel()


async def test_without_store_journal_works_without_copies() -> None:
    writer = JournalWriter(Patience(), None)
    writer.note("one", {})
    await asyncio.wait_for(writer.keep(ME), 5)
    assert [entry.kind for entry in writer.journal.entries] == ["one"]


# The log


@pytest.fixture
def noted() -> Any:
    """The log lines of this test that are noted."""
    noted_facts: list[dict[str, Any]] = []
    handler = LogNotes(lambda kind, **facts: noted_facts.append({"kind": kind, **facts}))
    log = logging.getLogger("mooring.test_journal_writer")
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    yield noted_facts
    log.removeHandler(handler)


def test_warnings_are_noted_with_template_and_infos_are_not(noted: list[dict[str, Any]]) -> None:
    log = logging.getLogger("mooring.test_journal_writer")
    log.info("all is well")
    log.warning("%s is not as it was", "gpu-1")
    assert noted == [
        {
            "kind": "logged",
            "level": "warning",
            "logger": "mooring.test_journal_writer",
            "template": "%s is not as it was",
            "line": "gpu-1 is not as it was",
            "error": "",
            "way": [],
        }
    ]


def test_errors_are_noted_with_kind_and_traceback(noted: list[dict[str, Any]]) -> None:
    def break_off() -> None:
        raise ValueError("a mistake of ours")

    try:
        break_off()
    except ValueError:
        logging.getLogger("mooring.test_journal_writer").exception("it failed")
    (noted_facts,) = noted
    assert (noted_facts["level"], noted_facts["error"]) == ("error", "ValueError")
    assert [step.partition(":")[0] for step in noted_facts["way"]] == ["test_journal_writer.py"] * 2
    assert noted_facts["way"][-1].endswith(" break_off")
