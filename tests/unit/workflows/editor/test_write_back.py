"""Values written into the editor's file survive a conversion, and nothing else has changed.

That the editor itself opens the written files the same way is asked of it in `tests/oracle`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.workflows.editor.conversion import Converter, Key
from app.workflows.editor.problems import CannotWrite, WriteFault
from tests.editor.cases import CASES
from tests.editor.changes import other_values
from tests.editor.drawing import Drawing
from tests.editor.written import prepare, write_back

NUMBERS = [1, 6, 0.5, True]


@pytest.mark.parametrize("name", CASES)
def test_every_value_can_be_changed_and_comes_back(name: str, converter: Converter) -> None:
    file = CASES[name]()
    before = json.dumps(file)
    conversion = converter.convert(file)
    values = other_values(conversion)
    written = converter.convert(write_back(converter, file, values))
    assert {key: written.fields[key].value for key in values} == values
    assert written.output.keys() == conversion.output.keys()
    untouched = {key: field.value for key, field in conversion.fields.items() if key not in values}
    assert {key: written.fields[key].value for key in untouched} == untouched
    assert json.dumps(file) == before


@pytest.mark.parametrize("name", CASES)
def test_one_value_changes_only_what_has_its_place(name: str, converter: Converter) -> None:
    file = CASES[name]()
    fields = converter.convert(file).fields
    for key, value in list(other_values(converter.convert(file)).items())[:6]:
        others = {
            other: field.value
            for other, field in fields.items()
            if field.place != fields[key].place and not _is_index_of(other, key)
        }
        written = converter.convert(write_back(converter, file, {key: value})).fields
        assert {other: written[other].value for other in others} == others


def _is_index_of(other: Key, key: Key) -> bool:
    """A node's own options come and go with each other's text."""
    return other[0] == key[0] and other[1].startswith("option") and key[1].startswith("option")


def test_nothing_to_write_gives_the_file_as_it_was(converter: Converter) -> None:
    for case in CASES.values():
        assert write_back(converter, case(), {}) == case()


def test_a_conversion_can_be_written_to_as_its_file_can(converter: Converter) -> None:
    file = CASES["used_twice"]()
    values: dict[Key, object] = {("2:10", "seed"): 1234}
    assert write_back(converter, converter.convert(file), values) == write_back(converter, file, values)
    assert prepare(converter, converter.convert(file), values) == prepare(converter, file, values)


def test_64_bit_seeds_stay_whole(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseTint", [0.5, 7, "fixed", "soft", ""], image=None)
    written = write_back(converter, draw.file(), {("1", "seed"): 2**64 - 1})
    assert json.loads(json.dumps(written))["nodes"][0]["widgets_values"][1] == 2**64 - 1


def test_values_kept_under_their_names_are_written_there_too(converter: Converter) -> None:
    draw = Drawing()
    node = draw.node(1, "CaseNumbers", list(NUMBERS))
    node["widgets_values_named"] = dict(zip(("small", "even", "part", "flag"), NUMBERS, strict=True))
    written = write_back(converter, draw.file(), {("1", "even"): 8})["nodes"][0]
    assert written["widgets_values"] == [1, 8, 0.5, True] and written["widgets_values_named"]["even"] == 8
    draw = Drawing()
    draw.node(1, "CaseNumbers", {"small": 1, "more": "kept"})
    written = write_back(converter, draw.file(), {("1", "even"): 8})["nodes"][0]
    assert written["widgets_values"] == {"small": 1, "more": "kept", "even": 8}


def test_the_mode_of_a_seed_is_written_too(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseTint", [0.5, 7, "fixed", "soft", ""], image=None)
    written = write_back(converter, draw.file(), {("1", "seed"): 8}, {("1", "seed"): "increment"})
    assert written["nodes"][0]["widgets_values"] == [0.5, 8, "increment", "soft", ""]
    file = CASES["values_shown_outside"]()
    written = write_back(converter, file, {}, {("2:10", "seed"): "decrement"})
    assert converter.convert(written).fields["2:10", "seed"].control == "decrement"


def test_another_choice_brings_its_own_widgets(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseSwitch", [1, "by side", 128, 2])

    def chosen(values: dict[Key, object], file: dict[str, Any]) -> tuple[list[object], dict[str, Any]]:
        written = write_back(converter, file, values)
        values_there: list[object] = written["nodes"][0]["widgets_values"]
        return values_there, written

    values, file = chosen({("1", "size"): "free", ("1", "after"): 9}, draw.file())
    assert values == [1, "free", 9]
    values, file = chosen({("1", "size"): "deep"}, file)
    assert values == [1, "deep", "on", "in", 0, 9]
    values, file = chosen({("1", "size.inner"): "off", ("1", "size.seed"): 5, ("1", "before"): 0}, file)
    assert values == [0, "deep", "off", 5, 9]
    values, file = chosen({("1", "size"): "by side"}, file)
    assert values == [0, "by side", 64, 9]


def test_inputs_without_a_value_of_their_own_are_refused(converter: Converter) -> None:
    file = CASES["converted_widgets"]()
    for key in (("2", "seed"), ("2", "image"), ("2", "nothing"), ("77", "seed")):
        with pytest.raises(CannotWrite) as refused:
            write_back(converter, file, {key: 1})
        assert (refused.value.fault, refused.value.name, refused.value.detail) == (WriteFault.NO_SUCH_INPUT, *key)


def test_one_place_cannot_have_two_values(converter: Converter) -> None:
    file = CASES["used_twice"]()
    with pytest.raises(CannotWrite) as refused:
        write_back(converter, file, {("2:10", "note"): "one", ("3:10", "note"): "two"})
    assert refused.value.fault is WriteFault.SHARED
    same: dict[Key, object] = {("2:10", "note"): "one", ("3:10", "note"): "one"}
    assert converter.convert(write_back(converter, file, same)).fields["3:10", "note"].value == "one"


def test_values_the_editor_would_change_are_refused(converter: Converter) -> None:
    file = CASES["primitive_with_a_step"]()
    with pytest.raises(CannotWrite) as refused:
        write_back(converter, file, {("2", "even"): 35})
    assert refused.value.fault is WriteFault.NOT_KEPT


def test_chosen_values_are_in_the_sent_file(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseText", ["x", "{not|chosen}"])
    prepared = prepare(
        converter, draw.file(), {("1", "text"): "a {red|blue} thing // note"}, choose=lambda count: count - 1
    )
    assert prepared.workflow.value("1", "text") == "a blue thing "
    assert prepared.graph["nodes"][0]["widgets_values"] == ["a blue thing ", "{not|chosen}"]
    assert converter.convert(prepared.graph).output == json.loads(prepared.workflow.text)


def test_dates_in_file_names_stay_patterns_in_the_file(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "SaveImage", ["x"], images=None)
    prepared = prepare(converter, draw.file(), {("1", "filename_prefix"): "%date:yyyy%/a"}, now=(2026, 1, 2, 3, 4, 5))
    assert prepared.workflow.value("1", "filename_prefix") == "2026/a"
    assert prepared.graph["nodes"][0]["widgets_values"] == ["%date:yyyy%/a"]
