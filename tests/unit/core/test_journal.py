"""The ring of entries: bounded by number and by bytes, and readable after storing."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import StorageError
from app.core.journal import LONGEST_ENTRY, LONGEST_TEXT, Journal, JournalEntry, plain, read_entries
from app.core.model import Delivery, Output, TaskState
from tests.kit.builders import task

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
FACTS = st.dictionaries(
    st.text(max_size=10),
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
        max_leaves=8,
    ),
    max_size=4,
)


@given(st.lists(st.tuples(FACTS, st.sampled_from("abc"), st.booleans()), max_size=25))
def test_no_entry_leads_past_the_bounds(added: list[tuple[dict[str, Any], str, bool]]) -> None:
    journal = Journal(most_entries=7, most_bytes=2000)
    for at, (facts, topic, echo) in enumerate(added):
        journal.add(float(at), "thing", facts, topic=topic, echo=echo)
        assert len(journal.entries) <= 7
        assert journal.bytes == sum(len(line) for line in map(_line, journal.entries)) <= 2000
        assert sum(map(len, journal._echoes.values())) <= len(journal._echoed) <= len(journal.entries)


def _line(entry: JournalEntry) -> str:
    record: dict[str, Any] = {"at": entry.at, "kind": entry.kind, "facts": entry.facts}
    if entry.times > 1:
        record |= {"times": entry.times, "until": entry.until}
    return json.dumps(record, separators=(",", ":"))


@given(st.lists(FACTS, max_size=4))
def test_stored_journal_is_parsed(added: list[dict[str, Any]]) -> None:
    journal = Journal()
    for at, facts in enumerate(added):
        journal.add(float(at), "thing", facts)
    assert read_entries(journal.text) == journal.entries


def test_the_oldest_goes_first() -> None:
    journal = Journal(most_entries=2)
    for kind in ("first", "second", "third"):
        journal.add(1.0, kind, {})
    assert [entry.kind for entry in journal.entries] == ["second", "third"]
    assert journal.dropped == 1


def test_an_entry_that_is_too_long_keeps_its_plain_facts() -> None:
    journal = Journal()
    journal.add(1.0, "evidence", {"prompt_id": "p", "said": {"text": ["x" * LONGEST_TEXT] * 100}})
    [entry] = journal.entries
    assert entry.facts["prompt_id"] == "p"
    assert "said" not in entry.facts
    assert entry.facts["cut"] > LONGEST_ENTRY


def test_echoes_of_a_task_are_one_entry_until_news() -> None:
    journal = Journal()
    assert journal.add(1.0, "evidence", {"evidence": "Seen", "now": "running"}, topic="p", echo=True)
    assert journal.add(1.5, "evidence", {"evidence": "Seen", "now": "queued"}, topic="other", echo=True)
    assert not journal.add(2.0, "evidence", {"evidence": "Seen", "now": "running"}, topic="p", echo=True)
    assert journal.add(3.0, "evidence", {"evidence": "Absent", "now": "running"}, topic="p")
    assert journal.add(4.0, "evidence", {"evidence": "Seen", "now": "running"}, topic="p", echo=True)
    first, _, _, last = journal.entries
    assert (first.at, first.times, first.until) == (1.0, 2, 2.0)
    assert last.times == 1


def test_echoes_of_many_tasks_are_forgotten_with_their_entries() -> None:
    journal = Journal(most_entries=10)
    for number in range(10_000):
        journal.add(float(number), "evidence", {"evidence": "Seen"}, topic=f"p-{number}", echo=True)
    assert len(journal._echoes) == len(journal._echoed) == 10
    assert not journal.add(1e5, "evidence", {"evidence": "Seen"}, topic="p-9999", echo=True), "its entry is there"
    assert journal.add(1e5, "evidence", {"evidence": "Seen"}, topic="p-9", echo=True), "its entry has gone"


def test_an_earlier_pages_entries_come_first_and_make_room_first() -> None:
    journal = Journal(most_entries=3)
    journal.add(5.0, "now", {})
    journal.put_before(tuple(JournalEntry(float(at), f"old-{at}") for at in range(4)))
    assert [entry.kind for entry in journal.entries] == ["old-2", "old-3", "now"]
    journal.add(6.0, "later", {})
    assert [entry.kind for entry in journal.entries] == ["old-3", "now", "later"]


def test_a_damaged_copy_is_read_as_far_as_it_goes() -> None:
    assert read_entries("") == read_entries("{") == read_entries('{"at": 1}') == ()
    assert read_entries('[1, {"at": 2, "kind": "wake", "facts": {}}, {"at": "x"}]') == (JournalEntry(2.0, "wake"),)


def test_facts_become_plain_json() -> None:
    assert plain(TaskState.LOST) == "lost"
    assert plain(math.inf) == "inf"
    assert plain(StorageError("update", "quota")) == {
        "is": "StorageError", "operation": "update", "cause": "quota", "detail": "",
    }  # fmt: skip
    assert plain((Output(node_id="9", kind="images", filename="a.png"),))[0]["delivery"] == Delivery.PENDING.value
    assert plain({"blob": b"\x89PNG", "error": ValueError("secret")}) == {"blob": "(bytes)", "error": "(ValueError)"}
    assert plain("x" * 1000) == "x" * LONGEST_TEXT + "…"
    json.dumps(plain(task()), allow_nan=False)
