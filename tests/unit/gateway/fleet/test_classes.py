"""Node classes under every name that a server accepts for them."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.fleet.catalogue_contents import NodeClasses
from gateway.fleet.classes import Classes, ClassReplacement, read_replacements
from wire.paths import Use

ANSWER: dict[str, Any] = {
    "OldLoad": [
        {
            "new_node_id": "LoadImage",
            "old_node_id": "OldLoad",
            "old_widget_ids": ["picture"],
            "input_mapping": [{"new_id": "image", "old_id": "picture"}, {"new_id": "more", "set_value": 3}],
            "output_mapping": None,
        }
    ],
    "Bare": [{"new_node_id": "Missing", "input_mapping": None}, {"new_node_id": "Save"}],
    "LoadImage": [{"new_node_id": "Save"}],
}
NODES = NodeClasses(
    frozenset({"LoadImage", "Save", "Pack"}),
    files={"Pack": frozenset({"film", "group.picture", "rows.*"})},
    unexamined=frozenset({"Save"}),
)
CLASSES = Classes(NODES, read_replacements(ANSWER))


def test_replacements_are_read_in_the_server_format() -> None:
    assert CLASSES.replaced["OldLoad"] == (ClassReplacement("LoadImage", {"picture": "image"}),)
    assert read_replacements({}) == {}


@pytest.mark.parametrize(
    "odd", [[], None, {"A": {}}, {"A": [3]}, {"A": [{}]}, {"A": [{"new_node_id": "B", "input_mapping": 3}]}]
)
def test_other_answers_are_no_replacements(odd: object) -> None:
    with pytest.raises(ValueError):
        read_replacements(odd)


def test_class_names_include_old_and_new_ones() -> None:
    assert CLASSES.names_of("OldLoad") == {"OldLoad", "LoadImage"} == CLASSES.names_of("LoadImage")
    assert CLASSES.names_of("Save") == {"Save", "Bare"}, "a class that is there is not replaced"
    assert [CLASSES.is_known(name) for name in ("Save", "Bare", "Missing", "Other")] == [True, True, False, False]


def test_inputs_of_files_keep_their_old_names() -> None:
    assert CLASSES.use_of("LoadImage", "image") is Use.READS, "by the table"
    assert CLASSES.use_of("OldLoad", "picture") is CLASSES.use_of("OldLoad", "image") is Use.READS
    assert CLASSES.use_of("Save", "image") is None


def test_inputs_of_packs_are_known_by_the_catalogue() -> None:
    for name in ("film", "group.picture", "rows.0", "rows.picture7"):
        assert CLASSES.use_of("Pack", name) is Use.READS
    for name in ("group", "group.text", "rows", "filming"):
        assert CLASSES.use_of("Pack", name) is None


def test_replaced_class_is_as_unexamined_as_its_replacement() -> None:
    assert [CLASSES.is_unexamined(name) for name in ("Save", "Bare", "LoadImage", "Pack")] == [True, True, False, False]
