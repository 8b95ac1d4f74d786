"""What a run sends along is the editor's file with exactly what it sends, and runs that differ in values share a copy.

That the editor itself opens a filled copy the same way is asked of it in `tests/oracle`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.workflow import ApiWorkflow, parse_workflow
from app.workflows.editor.conversion import Conversion, Converter, Key
from app.workflows.editor.copy import becomes, filled, graph_of_copy, no_copy, ready_copy, write_copy
from app.workflows.editor.problems import CannotWrite, WriteFault
from app.workflows.editor.sending import EditorSender, Sending
from app.workflows.editor.texts import choose_first, escaped, resolve_prompt
from app.workflows.plans.runs import PlannedRun
from tests.editor.cases import CASES
from tests.editor.changes import other_values
from tests.editor.drawing import Drawing, key
from tests.editor.written import prepare

NOW = (2026, 1, 2, 3, 4, 5)


def choose_last(count: int) -> int:
    return count - 1


def sender_of(converter: Converter, file: dict[str, Any]) -> tuple[EditorSender, Conversion]:
    conversion = converter.convert(file)
    return EditorSender(converter, conversion), conversion


def send(converter: Converter, file: dict[str, Any], values: dict[Key, object] | None = None) -> Sending:
    return sender_of(converter, file)[0].prepare(values or {}, now=NOW, choose=choose_last)


def test_nothing_changed_is_sent_as_the_editor_would_send_it(converter: Converter) -> None:
    for case in CASES.values():
        file = case()
        sending = sender_of(converter, file)[0].prepare({}, now=NOW, choose=choose_first)
        assert json.loads(sending.workflow.text) == converter.convert(file, now=NOW).output
        assert file == case()
        graph = filled(sending.editor, sending.workflow)
        assert converter.convert(graph, now=NOW).output == json.loads(sending.workflow.text)


@pytest.mark.parametrize("name", CASES)
def test_a_filled_copy_is_the_file_with_what_was_sent(name: str, converter: Converter) -> None:
    file = CASES[name]()
    sender, conversion = sender_of(converter, file)
    values = other_values(conversion)
    expected = prepare(converter, file, values, now=NOW, choose=choose_last)
    sending = sender.prepare(values, now=NOW, choose=choose_last)
    assert json.loads(sending.workflow.text) == json.loads(expected.workflow.text)
    graph = filled(sending.editor, sending.workflow)
    assert converter.convert(graph, now=NOW).output == json.loads(sending.workflow.text)
    assert renewed(converter, graph) == renewed(converter, expected.graph)
    assert sender.prepare(values, now=NOW, choose=choose_last) == sending


def renewed(converter: Converter, graph: dict[str, Any]) -> dict[str, Any]:
    """The file with every value written, so that what an older editor saved otherwise compares."""
    conversion = converter.convert(graph)
    return prepare(converter, graph, {key: field.value for key, field in conversion.fields.items()}).graph


def test_runs_differing_in_values_share_one_copy(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseTint", [0.5, 7, "fixed", "soft", ""], image=None)
    draw.node(2, "CaseText", ["a {red|blue} thing", "plain"])
    sender, _ = sender_of(converter, draw.file())
    one = sender.prepare({("1", "seed"): 2**64 - 1}, now=NOW, choose=choose_first)
    other = sender.prepare({("1", "note"): "n", ("2", "text"): "{x|y}"}, now=NOW, choose=choose_last)
    assert one.editor == other.editor
    assert filled(one.editor, one.workflow)["nodes"][0]["widgets_values"] == [0.5, 2**64 - 1, "fixed", "soft", ""]
    assert filled(one.editor, one.workflow)["nodes"][1]["widgets_values"] == ["a red thing", "plain"]
    assert filled(other.editor, other.workflow)["nodes"][1]["widgets_values"] == ["y", "plain"]
    uploaded = one.workflow.with_value("1", "note", "mooring/ab.png")  # as a submit does
    assert filled(one.editor, uploaded)["nodes"][0]["widgets_values"][4] == "mooring/ab.png"


def test_seed_mode_is_in_the_sent_file(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseTint", [0.5, 7, "fixed", "soft", ""], image=None)
    sender, _ = sender_of(converter, draw.file())
    controls = {("1", "seed"): "increment", ("1", "amount"): "fixed"}
    sending = sender.prepare({("1", "seed"): 8}, now=NOW, choose=choose_first, controls=controls)
    assert filled(sending.editor, sending.workflow)["nodes"][0]["widgets_values"] == [0.5, 8, "increment", "soft", ""]


def test_choice_and_its_inputs_are_set_together(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseSwitch", [1, "by side", 128, 2])
    sender, _ = sender_of(converter, draw.file())
    values: dict[Key, object] = {
        ("1", "size"): "deep", ("1", "size.inner"): "off", ("1", "size.seed"): 5, ("1", "after"): 9
    }  # fmt: skip
    sending = sender.prepare(values, now=NOW, choose=choose_first)
    graph = filled(sending.editor, sending.workflow)
    assert graph["nodes"][0]["widgets_values"] == [1, "deep", "off", 5, 9]
    assert converter.convert(graph).output == json.loads(sending.workflow.text)
    later = sender.prepare({**values, ("1", "after"): 3}, now=NOW, choose=choose_first)
    assert later.editor == sending.editor


def test_patterns_stay_in_the_file_while_names_are_sent(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "SaveImage", ["%date:yyyy%/%Tint.seed%"], images=None)
    draw.node(2, "CaseTint", [0.5, 7, "fixed", "soft", ""], image=None)["title"] = "Tint"
    sender, _ = sender_of(converter, draw.file())
    sending = sender.prepare({("2", "seed"): 8}, now=NOW, choose=choose_first)
    assert sending.workflow.value("1", "filename_prefix") == "2026/8"
    graph = filled(sending.editor, sending.workflow)
    assert graph["nodes"][0]["widgets_values"] == ["%date:yyyy%/%Tint.seed%"]
    assert converter.convert(graph, now=NOW).output == json.loads(sending.workflow.text)
    other = sender.prepare({("1", "filename_prefix"): "2026/8"}, now=NOW, choose=choose_first)
    assert filled(other.editor, other.workflow)["nodes"][0]["widgets_values"] == ["2026/8"]
    renamed = sending.workflow.with_value("1", "filename_prefix", "mine")
    assert filled(sending.editor, renamed)["nodes"][0]["widgets_values"] == ["mine"]


def test_file_keeps_its_authors_spelling_of_models(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseTint", [0.5, 7, "fixed", "xl/soft.pt", "a/b"], image=None)
    sender, _ = sender_of(converter, draw.file())
    sending = sender.prepare({}, now=NOW, choose=choose_first)
    spelled = sending.workflow.with_values({("1", "style"): "xl\\soft.pt", ("1", "note"): "a\\b"})
    (node,) = filled(sending.editor, spelled)["nodes"]
    assert node["widgets_values"] == [0.5, 7, "fixed", "xl/soft.pt", "a\\b"], "a text is what was sent"
    other = sending.workflow.with_value("1", "style", "xl\\hard.pt")
    assert filled(sending.editor, other)["nodes"][0]["widgets_values"][3] == "xl\\hard.pt"


def test_spelling_of_a_model_without_slot_is_no_other_workflow() -> None:
    graph = {"nodes": [{"id": 1, "type": "Load"}]}
    sent = parse_workflow({"1": {"class_type": "Load", "inputs": {"name": "xl/soft.pt"}}})
    copy = write_copy(graph, [], json.loads(sent.text))
    assert filled(copy, sent.with_value("1", "name", "xl\\soft.pt")) == graph
    with pytest.raises(CannotWrite):
        filled(copy, sent.with_value("1", "name", "xl\\hard.pt"))


def test_runs_of_a_plan_have_own_choices_but_one_copy(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseText", ["a {red|blue} thing", ""])
    draw.node(2, "CaseTint", [0.5, 7, "fixed", "soft", ""], image=None)
    sender, _ = sender_of(converter, draw.file())
    base = sender.prepare({("2", "note"): "n"}, now=NOW, choose=choose_first)
    turns = iter([0, 1, 0])
    planned = [PlannedRun(index, {("2", "seed"): index}, str(index)) for index in range(2)]
    planned.append(PlannedRun(2, {("1", "text"): "{only}", ("2", "seed"): 2}, "2"))
    runs, editor = sender.plan({("2", "note"): "n"}, planned, now=NOW, choose=lambda _: next(turns))
    assert editor == base.editor
    sent = [base.workflow.with_values(run.values) for run in runs]
    assert [workflow.value("1", "text") for workflow in sent] == ["a red thing", "a blue thing", "only"]
    for index, workflow in enumerate(sent):
        graph = filled(editor, workflow)
        assert graph["nodes"][1]["widgets_values"] == [0.5, index, "fixed", "soft", "n"]
        assert converter.convert(graph).output == json.loads(workflow.text)


def test_run_of_a_plan_changes_only_named_values(converter: Converter) -> None:
    """Also back to what lies in the file, where the form has something else; and in every place that has it."""
    draw = Drawing()
    draw.node(1, "CaseTint", [0.5, 7, "fixed", "soft", "x"], image=None)
    draw.node(2, "CaseText", ["text", ""])
    sender, _ = sender_of(converter, draw.file())
    values: dict[Key, object] = {("1", "seed"): 8, ("1", "note"): "form", ("2", "text"): "a {red} form"}
    base = sender.prepare(values, now=NOW, choose=choose_first)
    planned = [PlannedRun(0, {("1", "seed"): 7, ("2", "text"): "text"}, ""), PlannedRun(1, {("1", "note"): "x"}, "")]
    runs, editor = sender.plan(values, planned, now=NOW, choose=choose_first)
    assert [list(run.values) for run in runs] == [[("1", "seed"), ("2", "text")], [("1", "note"), ("2", "text")]]
    first, second = (base.workflow.with_values(run.values) for run in runs)
    assert filled(editor, first)["nodes"][0]["widgets_values"] == [0.5, 7, "fixed", "soft", "form"]
    assert filled(editor, first)["nodes"][1]["widgets_values"] == ["text", ""]
    assert filled(editor, second)["nodes"][0]["widgets_values"] == [0.5, 8, "fixed", "soft", "x"]
    assert filled(editor, second)["nodes"][1]["widgets_values"] == ["a red form", ""]
    file = CASES["used_twice"]()
    sender, _ = sender_of(converter, file)
    runs, editor = sender.plan({}, [PlannedRun(0, {("2:10", "note"): "one"}, "")], now=NOW, choose=choose_first)
    assert runs[0].values == {("2:10", "note"): "one", ("3:10", "note"): "one"}
    workflow = send(converter, file).workflow.with_values(runs[0].values)
    assert converter.convert(filled(editor, workflow)).output == json.loads(workflow.text)


def test_unwritable_value_is_sent_and_copy_has_the_fault(converter: Converter) -> None:
    file = CASES["primitive_with_a_step"]()
    sender, _ = sender_of(converter, file)
    sending = sender.prepare({("2", "even"): 35}, now=NOW, choose=choose_first)
    assert sending.workflow.value("2", "even") == 35
    assert fault_of(sending.editor, sending.workflow) == (WriteFault.NOT_KEPT, "2", "even")
    runs, editor = sender.plan({}, [PlannedRun(0, {("2", "even"): 35}, "")], now=NOW, choose=choose_first)
    assert fault_of(editor, sending.workflow) == (WriteFault.NOT_KEPT, "2", "even")
    assert runs[0].values == {("2", "even"): 35}


def test_unwritable_choice_does_not_prevent_the_run(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseSwitch", [1, "by side", 128, 2])
    sender, _ = sender_of(converter, draw.file())
    sending = sender.prepare({("1", "size"): "deep", ("1", "nothing"): 5}, now=NOW, choose=choose_first)
    assert (sending.workflow.value("1", "size"), sending.workflow.value("1", "nothing")) == ("deep", 5)
    assert fault_of(sending.editor, sending.workflow) == (WriteFault.NO_SUCH_INPUT, "1", "nothing")
    inner = Drawing(key(1), "Inside", first_link=100)
    inner.node(10, "CaseSwitch", [1, "by side", 128, 2])
    draw = Drawing()
    draw.node(2, key(1))
    draw.node(3, key(1))
    sender, _ = sender_of(converter, draw.hold(inner).file())
    sending = sender.prepare({("2:10", "size"): "deep", ("3:10", "size"): "free"}, now=NOW, choose=choose_first)
    assert [sending.workflow.value(node_id, "size") for node_id in ("2:10", "3:10")] == ["deep", "free"]
    assert fault_of(sending.editor, sending.workflow)[0] is WriteFault.NOT_KEPT


def fault_of(editor: str, workflow: ApiWorkflow) -> tuple[WriteFault, str, str]:
    with pytest.raises(CannotWrite) as refused:
        filled(editor, workflow)
    return refused.value.fault, refused.value.name, refused.value.detail


def test_file_is_sent_only_with_its_own_workflow(converter: Converter) -> None:
    file = CASES["used_twice"]()
    sending = send(converter, file)
    other_link = json.loads(sending.workflow.text)
    node_id, name = next(
        (node_id, name)
        for node_id, node in other_link.items()
        for name, value in node["inputs"].items()
        if isinstance(value, list)
    )
    other_link[node_id]["inputs"][name] = 1
    changed = ApiWorkflow(json.dumps(other_link), sending.workflow.nodes)
    assert fault_of(sending.editor, changed)[0] is WriteFault.OTHERWISE
    shared = sending.workflow.with_value("2:10", "note", "one")  # and not "3:10", which has it from the same place
    assert fault_of(sending.editor, shared)[0] is WriteFault.SHARED
    assert fault_of("[]", changed)[0] is WriteFault.UNREADABLE
    assert fault_of('{"v": 2, "graph": {}, "places": []}', changed)[0] is WriteFault.UNREADABLE
    assert fault_of('{"v": 1, "graph": {}, "places": [["1"]]}', changed)[0] is WriteFault.UNREADABLE


def test_a_file_that_is_ready_goes_along_as_it_is(converter: Converter) -> None:
    file = CASES["used_twice"]()
    workflow = converter.convert(file).workflow
    assert filled(ready_copy(file), workflow) == graph_of_copy(ready_copy(file)) == file
    assert fault_of(no_copy(CannotWrite("cannot-write", "1", "a", WriteFault.SHARED)), workflow)[0] is WriteFault.SHARED


@pytest.mark.parametrize("text", ["http://a.b/*c*/ d", "a /* b", "{a|b}", "\\(soft\\)", "///", "a | b }", "", "\\{"])
def test_chosen_text_is_chosen_in_file(text: str) -> None:
    lying = escaped(text)
    assert lying is None or resolve_prompt(lying, choose_first) == text
    assert (lying is None) == (text == "\\{")


@given(st.text(alphabet="a/*{}|\\ \n"))
def test_text_is_written_reversibly_or_not_at_all(text: str) -> None:
    lying = escaped(text)
    assert lying is None or resolve_prompt(lying, choose_first) == resolve_prompt(lying, choose_last) == text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["1", "seed", "plain", "prompt", "nodes", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["nodes", "a", "1"]), inner),
    max_leaves=12,
)
PLACES = st.lists(st.tuples(VALUES, VALUES, st.lists(st.lists(VALUES, max_size=3), max_size=2), VALUES) | VALUES)


@given(graph=VALUES, places=PLACES, rest=st.none() | VALUES)
def test_a_damaged_copy_is_a_typed_error(graph: object, places: object, rest: object) -> None:
    workflow = parse_workflow({"1": {"class_type": "A", "inputs": {"seed": 7, "a": ["1", 0], "text": "{a|b}"}}})
    copy = json.dumps({"v": 1, "graph": graph, "places": places, **({} if rest is None else {"rest": rest})})
    try:
        assert isinstance(filled(copy, workflow), dict)
    except CannotWrite as error:
        assert error.fault in WriteFault


@pytest.mark.parametrize(
    ("pattern", "name", "is_possible"),
    [
        ("%a%-%b%", "2026-cat", True),
        ("%a%-%b%", "cat", False),
        ("x%a%x", "x", False),
        ("x%a%x", "xx", True),
        ("a%b%aba%c%", "aabab", True),
        ("plain", "plain", True),
        ("plain", "plainer", False),
        ("%a%\n%b%", "one\ntwo", True),
    ],
)
def test_file_name_fits_its_patterns(pattern: str, name: str, is_possible: bool) -> None:
    assert becomes(pattern, name) is is_possible
