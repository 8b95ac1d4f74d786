"""The parts of a server's answers that prove that a file is a user's."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.people import evidence
from gateway.people.evidence import LAG, ProvingRun, Span, WriteTime, read_runs
from gateway.people.seals import File
from gateway.people.user import MARK, User
from wire.paths import REPEATERS

ALICE, BOB = User("alice"), User("bob")
FILE = File("a", "output", "", "out_00001_.png")
LISTED = {"filename": "out_00001_.png", "subfolder": "", "type": "output"}
MESH = "a3b1c2d4-0011-4a22-8b33-445566778899.glb"
PROMPT = {
    "1": {"class_type": "Draw", "inputs": {"seed": 1}},
    "9": {"class_type": "Save", "inputs": {"images": ["1", 0], "prefix": "out"}},
}


def entry(
    prompt: object = None,
    extra: dict[str, object] | None = None,
    *,
    began: int = 100_000,
    ended: int = 110_000,
    outputs: object = None,
    owner: User = ALICE,
) -> dict[str, Any]:
    """Return a history entry of a user's run that listed the file."""
    messages = [["execution_start", {"timestamp": began}], ["execution_success", {"timestamp": ended}]]
    marked = {**(extra or {}), MARK: owner.mark("a", "p")}
    return {
        "prompt": [0, "p", PROMPT if prompt is None else prompt, marked, ["9"]],
        "outputs": outputs or {"9": {"images": [LISTED]}},
        "status": {"messages": messages},
    }


def run(*of: Any, **more: Any) -> ProvingRun:
    """Return the same entry as a run."""
    found = ProvingRun.of(entry(*of, **more), ALICE, "a")
    assert found is not None
    return found


def may_prove(*of: Any, **more: Any) -> bool:
    """Return whether the node and the name of the only listed file allow a proof."""
    (listed,) = run(*of, **more).files
    return listed.may_prove


def signature(prompt: object, node_id: str = "9") -> str | None:
    """Return the signature of a node that lists the file."""
    (listed,) = run(prompt, outputs={node_id: {"images": [LISTED]}}).files
    return listed.signature


def at(seconds: float) -> WriteTime:
    """Return a file's time, to the nanosecond."""
    return WriteTime(seconds, seconds)


def test_run_proves_what_was_written_in_it_without_tolerance() -> None:
    one = run()
    assert [listed.file for listed in one.files] == [FILE]
    times = (99.0, 100.0, 100.0009, 100.001, 105.0, 110.0, 110.0009, 110.001, 112.0)
    assert [time for time in times if one.wrote(at(time))] == [100.001, 105.0, 110.0, 110.0009]
    assert [time for time in times if one.is_over_before(at(time))] == [110.001, 112.0]
    assert one.wrote(WriteTime(105, 106)) and not one.wrote(WriteTime(109.5, 110.5)), "whole seconds"


@given(st.floats(0.0, 0.01), st.floats(0.0, 0.01))
def test_file_lies_in_one_of_two_successive_runs(pause: float, moment: float) -> None:
    """ComfyUI rounds times down, and begins the next run within a millisecond."""
    ended = 110.0004
    began = ended + pause
    first = run(ended=int(ended * 1000))
    second = run(began=int(began * 1000), ended=120_000)
    written = at(109.995 + moment)
    assert not (first.wrote(written) and second.wrote(written))
    assert not second.wrote(at(ended)), "the first run's last file"


@pytest.mark.parametrize("odd", [None, [], {}, {"prompt": []}, {"prompt": [0, "p", [], {}, []], "outputs": {}}])
def test_invalid_entry_gives_no_run(odd: object) -> None:
    assert ProvingRun.of(odd, ALICE, "a") is None


def test_runs_of_others_are_not_read() -> None:
    entries = [entry(owner=BOB), entry(), entry(outputs={"9": {"images": [{"filename": "x.png"}]}})]
    assert ProvingRun.of(entries[0], ALICE, "a") is None
    assert read_runs(entries, ALICE, "a", frozenset({FILE})) == (run(),)


@pytest.mark.parametrize("messages", [None, [], [["execution_start"]], [["execution_start", {"timestamp": "1"}]], "x"])
def test_run_without_a_beginning_proves_nothing(messages: object) -> None:
    one = ProvingRun.of(entry() | {"status": {"messages": messages}}, ALICE, "a")
    assert one is not None
    assert not one.wrote(at(105)) and not one.wrote(at(50))


@pytest.mark.parametrize("subfolder", ["..", "a/..", "a//b", "/", ".", "a\\..\\b"])
def test_path_out_of_the_folder_is_no_file(subfolder: str) -> None:
    assert not File("a", "output", subfolder, "x.png").is_plain


@pytest.mark.parametrize("name", ["../x.png", "a/x.png", "a\\x.png", "x.png [input]", "x.png[TEMP] ", "..", "x\0.png"])
def test_name_that_leads_elsewhere_is_no_file(name: str) -> None:
    assert not File("a", "output", "", name).is_plain
    assert File("a", "output", "", name).is_plain_without_windows == (name == "a\\x.png")
    assert File("a", "output", "a/b", "x [1].png").is_plain
    assert File("a", "output", "a\\b", "x.png").is_plain


NAME = FILE.name
WRITINGS: list[Any] = [
    NAME,
    NAME.upper(),
    f"x{NAME} [output]",
    {NAME: 1},
    [[{"a": NAME}]],
    json.dumps(LISTED),
    json.dumps(json.dumps(json.dumps({"a": [LISTED]}))),
    json.dumps(LISTED).replace("out", "\\u006f\\u0075\\u0074"),
    "out%5F00001_%2Epng",
]


@pytest.mark.parametrize("value", WRITINGS, ids=str)
def test_name_is_found_wherever_the_person_wrote_it(value: object) -> None:
    assert not may_prove({"1": {"class_type": "A", "inputs": {"x": value}}})
    assert not may_prove(extra={"x": value})
    assert may_prove()


@settings(max_examples=30)
@given(st.recursive(st.text(max_size=9), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner)))
def test_name_is_found_in_any_encoding(value: object) -> None:
    written = {"1": {"class_type": "A", "inputs": {"x": [value, NAME], "y": json.dumps([value, NAME])}}}
    assert not may_prove(written)


def texts(*values: object) -> dict[str, Any]:
    """Return a prompt with these texts in its inputs."""
    return {**PROMPT, "2": {"class_type": "Join", "inputs": {f"text_{n}": value for n, value in enumerate(values)}}}


@pytest.mark.parametrize(
    "values",
    [
        ("out_0000", "1_.png"),
        ("OUT", "_", "00001", "_.png"),
        ("1_.png ", "sub/folder/out_0000"),
        (["out_", ["0", "1", "_.png"]],),
        ("o", "ut", "_", "0", "1", ".png"),
    ],
    ids=str,
)
def test_name_that_texts_join_to_proves_nothing(values: tuple[object, ...]) -> None:
    assert not may_prove(texts(*values))


@pytest.mark.parametrize(
    "values",
    [
        ("out", "mooring-people/alice/bar_00001_.png"),  # an upload that was a result before
        ("out", "_", 0, 1, "png"),
        ("out_00001", "jpg"),
        (["out_0000", 0], ["1_.png", 0]),  # links
    ],
    ids=str,
)
def test_name_that_a_saver_counts_is_no_join(values: tuple[object, ...]) -> None:
    assert may_prove(texts(*values))


@pytest.mark.parametrize("class_type", sorted(REPEATERS))
def test_node_that_repeats_names_proves_nothing(class_type: str) -> None:
    prompt = {**PROMPT, "3": {"class_type": class_type, "inputs": {"model_file": ["2", 0]}}}
    assert not may_prove(prompt, outputs={"3": {"result": ["mesh/out_00001_.glb", None]}})
    assert not may_prove(prompt, outputs={"5.0.0.3": {"images": [LISTED]}}), "a copy of the node"
    assert may_prove(prompt, outputs={"9": {"images": [LISTED]}})
    assert may_prove(outputs={"5.0.0.3": {"images": [LISTED]}})


def test_repeated_name_with_a_random_id_may_prove() -> None:
    """No one can write it into a prompt before the file is made: 0.30 saves models under such names."""
    prompt = {**PROMPT, "3": {"class_type": "Preview3D", "inputs": {"model_file": ["2", 0]}}}
    for name in (MESH, f"preview3d_{MESH.replace('-', '')}", f"Rodin3D_{MESH}/base.glb"):
        assert may_prove(prompt, outputs={"3": {"result": [name, None]}}), name
        writing = {**prompt, "2": {"class_type": "Text", "inputs": {"text": name}}}
        assert not may_prove(writing, outputs={"3": {"result": [name, None]}}), name


def test_many_long_names_and_texts_take_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.process_time()
    names = [{"filename": f"{'a' * n}b"} for n in range(1, 250)]
    prompt = texts(*("a" * n for n in range(1, 250)))
    found = run(prompt, outputs={"9": {"images": names}})
    assert len(found.files) == len(names)
    assert time.process_time() - began < 5.0
    monkeypatch.setattr(evidence, "MOST_COMPARED", 100)
    assert not may_prove(texts("x" * 200)), "it cannot be ruled out"
    monkeypatch.undo()
    monkeypatch.setattr(evidence, "MOST_JOINS", 1)
    assert not may_prove()


def test_equal_nodes_have_equal_signatures() -> None:
    renamed = {"5": {**PROMPT["1"], "_meta": {}}, "7": {**PROMPT["9"], "inputs": {"prefix": "out", "images": ["5", 0]}}}
    own = signature(PROMPT)
    assert own == signature(renamed, "7") == signature(PROMPT, "9.0.0.1")
    assert own != signature(PROMPT, "1")
    for change in ({"images": ["1", 1]}, {"prefix": "other"}, {"images": "1"}, {"more": 0}):
        inputs = {**PROMPT["9"]["inputs"], **change}  # type: ignore[dict-item]
        assert signature({**PROMPT, "9": {"class_type": "Save", "inputs": inputs}}) != own
    assert signature({**PROMPT, "1": {"class_type": "Draw", "inputs": {"seed": 2}}}) != own


def test_cycle_has_no_signature() -> None:
    cycle = {name: {"class_type": "A", "inputs": {"x": [other, 0]}} for name, other in (("1", "2"), ("2", "1"))}
    assert signature(cycle, "1") is None


def test_long_chain_has_a_signature() -> None:
    chain = {str(n): {"class_type": "A", "inputs": {"x": [str(n - 1), 0], "y": [str(n - 2), 0]}} for n in range(5_000)}
    assert signature(chain, "4999") is not None


def test_dense_graph_has_a_signature() -> None:
    dense = {
        str(n): {"class_type": "A", "inputs": {f"x{m}": [str(m), 0] for m in range(max(0, n - 30), n)}}
        for n in range(500)
    }
    assert signature(dense, "499") is not None


def test_equal_nodes_alone_have_an_equal_signature() -> None:
    (listed,) = run().files
    assert listed.signature == signature(PROMPT)
    assert listed.signature != signature({**PROMPT, "1": {"class_type": "Draw", "inputs": {"seed": 2}}})


def test_other_run_covers_what_it_may_have_written() -> None:
    other = Span.of(entry(owner=BOB))  # from 100 s to 110 s
    inside = [100.0, 105.0, 110.0, 100.0 - LAG / 2, 110.0005]
    outside = [100.0 - 2 * LAG, 110.01]
    assert [other.covers(WriteTime(at, at)) for at in inside] == [True] * 5
    assert [other.covers(WriteTime(at, at)) for at in outside] == [False] * 2
    assert other.covers(WriteTime(99.0, 101.0)), "a time in whole seconds"
    assert Span.of({"odd": 1}).covers(WriteTime(1.0, 1.0)), "what is unknown rules nothing out"


def test_run_begins_with_files_of_the_tick_before() -> None:
    hers = run()
    assert [hers.began_with(WriteTime(at, at)) for at in (100.0 - LAG * 2, 100.0 - LAG / 2, 100.0005, 100.5)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert not hers.wrote(WriteTime(100.0 - LAG / 2, 100.0 - LAG / 2))
