"""Records: they survive a round trip, newer fields are kept, and damaged ones are named."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from app.core.errors import StorageError
from app.core.model import (
    ClientId,
    Contact,
    Delivery,
    Failure,
    InputFile,
    NodeError,
    NodeId,
    Note,
    Output,
    PromptId,
    Reservation,
    ServerChoice,
    ServerId,
    Task,
    TaskState,
    Unreadable,
    WindowId,
)
from app.core.ports.store import WindowRecord
from app.core.records import TASK_PARTS, TASK_RECORD, BrokenRecord, decode, encode, read_task, read_tasks, stored_fields
from tests.kit.services import ROOT
from tests.ports.tasks import changed, new_task

STORED = ROOT / "tests" / "kit" / "stored_task.json"  # written by the build before tasks had parts
CHOICE = ServerChoice(
    server_id=ServerId("gpu-1"), reason="tie", loads={"gpu-1": 0, "gpu-2": 0}, refused={"gpu-3": "timeout"}
)
PLAIN = new_task(
    prompt_id=PromptId("p-1"),
    server_id=ServerId("gpu-1"),
    address="http://10.0.0.1:8188",
    client_id=ClientId("c-1"),
    owner=WindowId("w-1"),
    epoch=1,
    created_at=1000.0,
)
ERROR = NodeError(
    node_id="3", class_type="LoadImage", type="value", message="Wrong", details="image", input_name="image"
)
FULL = changed(
    PLAIN,
    title="沙丘",
    workflow='{"3": {"class_type": "LoadImage", "inputs": {}}}',
    inputs=(InputFile(node_id=NodeId("3"), input_name="image", name="ab.png", sha256="ab", original_name="dune.png"),),
    expected=(NodeId("9"),),
    choice=CHOICE,
    state=TaskState.SUCCEEDED,
    contact=Contact.UNREACHABLE,
    number=4.0,
    place=2,
    answered_at=1001.5,
    server_ended_ms=1795597065668,
    is_proven=True,
    outputs=(Output(node_id=NodeId("9"), kind="images", filename="out_00001_.png", delivery=Delivery.KEPT, size=7),),
    missing=(NodeId("10"),),
    failure=Failure(kind="rejected", message="No", node_errors=(ERROR,)),
    warnings=(ERROR,),
    notes=(Note(1000.0, "submit", "accepted"), Note(1002.0, "history")),
    extra={"priority": {"of": ["a", 1, None]}},
)


def through_json(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record as a browser does: whole floats have become integers."""
    text = json.dumps(record, allow_nan=False)

    def one_kind_of_number(value: str) -> float | int:
        number = float(value)
        return int(number) if number.is_integer() else number

    result: dict[str, Any] = json.loads(text, parse_float=one_kind_of_number)
    return result


@pytest.mark.parametrize("task", [PLAIN, FULL], ids=["plain", "full"])
def test_task_survives_a_round_trip(task: Task) -> None:
    decoded = decode(Task, through_json(encode(task)))
    assert decoded == task
    assert isinstance(decoded.created_at, float)
    assert isinstance(decoded.delivery.outputs, tuple)


def test_stored_task_is_written_as_before_it_had_parts() -> None:
    """Browsers have such records, and a page of an older build may be open beside this one."""
    text = STORED.read_text("utf-8").rstrip("\n")
    record = json.loads(text)
    task = decode(Task, record)
    assert json.dumps(encode(task), ensure_ascii=False) == text
    for name, read, default in stored_fields(Task):
        assert encode(read(task)) == record[name]
        assert read(task) != default or name == "v", "the stored task has every field"


def test_every_field_of_a_task_is_in_one_place_of_its_record() -> None:
    own = [item.name for item in dataclasses.fields(Task) if item.name not in {*TASK_PARTS, "extra"}]
    of_parts = [item.name for part in TASK_PARTS.values() for item in dataclasses.fields(part)]
    assert sorted(own + of_parts) == sorted(TASK_RECORD)


@pytest.mark.parametrize("state", list(TaskState))
def test_states_are_stored_as_words(state: TaskState) -> None:
    record = encode(dataclasses.replace(PLAIN, state=state))
    assert record["state"] == state.value
    assert record["v"] == 1
    assert decode(Task, record).state is state


def test_reservation_survives_with_its_reason() -> None:
    reservation = Reservation(
        prompt_id=PromptId("p-1"),
        window_id=WindowId("w-1"),
        server_id=ServerId("gpu-1"),
        address="http://10.0.0.1:8188",
        at=12.0,
        choice=CHOICE,
    )
    record = encode(reservation)
    assert decode(Reservation, through_json({**record, "newer": True})) == reservation


def test_window_survives_a_round_trip() -> None:
    window = WindowRecord(
        window_id=WindowId("w-1"), client_id=ClientId("c-1"), created_at=1.0, seen_at=2.5, extra={"name": "left"}
    )
    assert decode(WindowRecord, through_json(encode(window))) == window


def test_fields_of_a_newer_version_survive_a_change() -> None:
    record = {**encode(PLAIN), "v": 2, "colour": "teal", "nested": {"a": [1, {"b": None}]}}
    task = dataclasses.replace(decode(Task, record), state=TaskState.RUNNING)
    written = encode(task)
    assert written["colour"] == "teal"
    assert written["nested"] == {"a": [1, {"b": None}]}
    assert written["v"] == 2
    assert written["state"] == "running"


def test_known_field_wins_over_extra() -> None:
    assert encode(dataclasses.replace(PLAIN, extra={"server_id": "gpu-2"}))["server_id"] == "gpu-1"


def test_fields_missing_in_older_records_have_defaults() -> None:
    record = {name: encode(PLAIN)[name] for name in
              ("prompt_id", "server_id", "address", "client_id", "owner", "epoch", "created_at")}  # fmt: skip
    assert decode(Task, record) == PLAIN


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"state": "paused"}, "Task.state"),
        ({"contact": 3}, "Task.contact"),
        ({"epoch": "1"}, "Task.epoch"),
        ({"epoch": True}, "Task.epoch"),
        ({"epoch": 1.5}, "Task.epoch"),
        ({"is_ward": 1}, "Task.is_ward"),
        ({"created_at": None}, "Task.created_at"),
        ({"created_at": "yesterday"}, "Task.created_at"),
        ({"server_id": None}, "Task.server_id"),
        ({"outputs": {}}, "Task.outputs"),
        ({"outputs": [{"node_id": "9", "kind": "images"}]}, "Task.outputs[0].filename"),
        ({"outputs": [{"node_id": "9", "kind": "i", "filename": "f", "delivery": "sent"}]}, "Task.outputs[0].delivery"),
        ({"outputs": ["out.png"]}, "Task.outputs[0]"),
        ({"choice": {"server_id": "a", "reason": "tie", "loads": {"a": "many"}}}, "Task.choice.loads.a"),
        ({"choice": {"server_id": "a", "reason": "tie", "loads": []}}, "Task.choice.loads"),
        ({"expected": [9]}, "Task.expected[0]"),
    ],
)
def test_damaged_record_is_refused_with_its_field(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BrokenRecord) as caught:
        decode(Task, {**encode(PLAIN), **change})
    assert isinstance(caught.value, StorageError)
    assert caught.value.cause == "broken-record"
    assert caught.value.key == "p-1"
    assert caught.value.detail.startswith(named + " ")


@pytest.mark.parametrize("missing", ["prompt_id", "server_id", "address", "client_id", "owner", "epoch", "created_at"])
def test_record_without_a_required_field_is_refused(missing: str) -> None:
    record = encode(PLAIN)
    del record[missing]
    with pytest.raises(BrokenRecord, match=missing):
        decode(Task, record)


@pytest.mark.parametrize("record", [None, [], "text", 7])
def test_value_that_is_no_record_is_refused(record: Any) -> None:
    for kind in (Task, WindowRecord, Reservation):
        with pytest.raises(BrokenRecord):
            decode(kind, record)


def test_higher_version_alone_is_accepted() -> None:
    assert read_task({**encode(PLAIN), "v": 99, "newer": 1}) == dataclasses.replace(PLAIN, v=99, extra={"newer": 1})


@pytest.mark.parametrize(
    ("version", "cause", "is_newer"),
    [
        (1, "broken-record", False),
        (0, "broken-record", False),
        (2, "newer-record", True),
        ("2", "broken-record", False),
        (True, "broken-record", False),
    ],
)
def test_newer_record_is_not_called_damaged(version: object, cause: str, is_newer: bool) -> None:
    record = {**encode(PLAIN), "v": version, "state": "paused"}
    with pytest.raises(BrokenRecord) as caught:
        decode(Task, record)
    assert caught.value.cause == cause
    unreadable = read_task(record)
    assert isinstance(unreadable, Unreadable)
    assert unreadable.is_newer is is_newer


def test_unreadable_record_keeps_its_readable_fields() -> None:
    unreadable = read_task({**encode(FULL), "epoch": None})
    assert unreadable == Unreadable(
        prompt_id=PromptId("p-1"),
        owner=WindowId("w-1"),
        server_id=ServerId("gpu-1"),
        title="沙丘",
        detail="Task.epoch is not of type int",
    )
    bare = {**encode(PLAIN), "owner": 7, "server_id": None, "title": []}
    assert read_task(bare) == Unreadable(prompt_id=PromptId("p-1"), detail="Task.server_id is not of type str")


@pytest.mark.parametrize(("key", "name"), [("p-1", "p-1"), (7, "7"), (["p", 1], '["p", 1]'), (None, "null")])
def test_record_is_named_by_any_key(key: object, name: str) -> None:
    unreadable = read_task({"prompt_id": key})
    assert isinstance(unreadable, Unreadable)
    assert unreadable.prompt_id == name


def test_records_are_read_oldest_first_without_gaps() -> None:
    young = changed(PLAIN, prompt_id=PromptId("p-0"), created_at=2000.0)
    broken: list[dict[str, Any]] = [{**encode(PLAIN), "prompt_id": name, "state": 1} for name in ("p-9", "p-8")]
    records = read_tasks([broken[0], encode(young), broken[1], encode(PLAIN)])
    assert records.tasks == (PLAIN, young)
    assert [item.prompt_id for item in records.unreadable] == ["p-8", "p-9"]


@pytest.mark.parametrize(("owner", "mine"), [("w-1", True), ("w-2", False), (None, True)])
def test_record_without_owner_may_belong_to_any_window(owner: str | None, mine: bool) -> None:
    unreadable = Unreadable(prompt_id=PromptId("p-1"), owner=WindowId(owner) if owner else None)
    assert unreadable.may_be_of(WindowId("w-1")) is mine


def test_record_is_plain_json() -> None:
    json.dumps(encode(FULL), allow_nan=False)
