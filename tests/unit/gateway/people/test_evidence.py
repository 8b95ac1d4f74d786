"""The parts of a server's answers that prove that a file is a user's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.people.evidence import Run, Runs, Written
from gateway.people.seals import File

FILE = File("a", "output", "", "out_00001_.png")
LISTED = {"filename": "out_00001_.png", "subfolder": "", "type": "output"}
PROMPT = {
    "1": {"class_type": "Draw", "inputs": {"seed": 1}},
    "9": {"class_type": "Save", "inputs": {"images": ["1", 0], "prefix": "out"}},
}


def entry(prompt: object = None, extra: object = None, began: int = 100_000, ended: int = 110_000) -> dict[str, Any]:
    """Return a history entry of a run that listed the file."""
    messages = [["execution_start", {"timestamp": began}], ["execution_success", {"timestamp": ended}]]
    return {
        "prompt": [0, "p", PROMPT if prompt is None else prompt, {} if extra is None else extra, ["9"]],
        "outputs": {"9": {"images": [LISTED]}},
        "status": {"messages": messages},
    }


def run(*of: Any, **more: Any) -> Run:
    """Return the same entry as a run."""
    found = Run.of("a", entry(*of, **more))
    assert found is not None
    return found


def at(seconds: float) -> Written:
    """Return a file's time, to the nanosecond."""
    return Written(seconds, seconds)


def test_run_has_its_files_and_times() -> None:
    one = run()
    assert list(one.files()) == [("9", FILE)]
    assert [one.wrote(at(time)) for time in (99.9, 100.0, 105.0, 110.0, 110.1)] == [False, True, True, True, False]
    assert [one.may_have_written(at(time)) for time in (97.9, 98.1, 111.9, 112.1)] == [False, True, True, False]
    assert [one.is_over_before(at(time)) for time in (97.0, 111.9, 112.1)] == [False, False, True]


@pytest.mark.parametrize("odd", [None, [], {}, {"prompt": []}, {"prompt": [0, "p", [], {}, []], "outputs": {}}])
def test_invalid_entry_gives_no_run(odd: object) -> None:
    assert Run.of("a", odd) is None


@pytest.mark.parametrize("messages", [None, [], [["execution_start"]], [["execution_start", {"timestamp": "1"}]], "x"])
def test_run_without_a_beginning_proves_nothing(messages: object) -> None:
    one = Run.of("a", entry() | {"status": {"messages": messages}})
    assert one is not None
    assert not one.wrote(at(105)) and not Runs([run()]).prove(one, "1", FILE, at(50))


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
    assert run({"1": {"class_type": "A", "inputs": {"x": value}}}).names(FILE)
    assert run(extra={"x": value}).names(FILE)
    assert not run().names(FILE)


@given(st.recursive(st.text(max_size=9), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner)))
def test_name_is_found_in_any_encoding(value: object) -> None:
    written = {"1": {"class_type": "A", "inputs": {"x": [value, NAME], "y": json.dumps([value, NAME])}}}
    assert run(written).names(FILE)


def test_equal_nodes_have_equal_signatures() -> None:
    renamed = {"5": {**PROMPT["1"], "_meta": {}}, "7": {**PROMPT["9"], "inputs": {"prefix": "out", "images": ["5", 0]}}}
    own = run()
    assert own.signature("9") == run(renamed).signature("7") == own.signature("9.0.0.1")
    assert own.signature("9") != own.signature("1")
    for change in ({"images": ["1", 1]}, {"prefix": "other"}, {"images": "1"}, {"more": 0}):
        inputs = {**PROMPT["9"]["inputs"], **change}  # type: ignore[dict-item]
        assert run({**PROMPT, "9": {"class_type": "Save", "inputs": inputs}}).signature("9") != own.signature("9")
    other = {**PROMPT, "1": {"class_type": "Draw", "inputs": {"seed": 2}}}
    assert run(other).signature("9") != own.signature("9")


def test_cycle_has_no_signature() -> None:
    cycle = {name: {"class_type": "A", "inputs": {"x": [other, 0]}} for name, other in (("1", "2"), ("2", "1"))}
    assert run(cycle).signature("1") is None


def test_long_chain_has_a_signature() -> None:
    chain = {str(n): {"class_type": "A", "inputs": {"x": [str(n - 1), 0], "y": [str(n - 2), 0]}} for n in range(5_000)}
    assert run(chain).signature("4999") is not None


def test_dense_graph_has_a_signature() -> None:
    dense = {
        str(n): {"class_type": "A", "inputs": {f"x{m}": [str(m), 0] for m in range(max(0, n - 30), n)}}
        for n in range(500)
    }
    assert run(dense).signature("499") is not None


def test_cached_file_is_proven_by_an_equal_node_alone() -> None:
    maker = run()
    later = {"began": 200_000, "ended": 201_000}
    assert Runs([maker]).prove(run(**later), "9", FILE, at(105))
    other = {**PROMPT, "1": {"class_type": "Draw", "inputs": {"seed": 2}}}
    assert not Runs([maker]).prove(run(other, **later), "9", FILE, at(105))
    assert not Runs([]).prove(run(**later), "9", FILE, at(105))
    assert not Runs([maker]).prove(run(**later), "9", FILE, at(150)), "nobody's run"


def test_proven_maker_outweighs_a_close_time() -> None:
    maker, near = run(), run({"1": {"class_type": "Echo", "inputs": {}}}, began=110_001, ended=120_000)
    assert not Runs([maker, near]).prove(near, "1", FILE, at(109.9))
    assert Runs([near]).prove(near, "1", FILE, at(109.9)), "a share's clock is a little behind"
