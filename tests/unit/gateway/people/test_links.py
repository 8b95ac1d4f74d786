"""The gateway recognizes the same links as ComfyUI."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.people.links import read_link
from gateway.people.published_only import shape_of
from tests.kit.links import ODD_IDS, ODD_LINKS, ROWS

LINKS = [row["value"] for row in ROWS if row["link"]]


@pytest.mark.parametrize(("value", "is_link"), ODD_LINKS, ids=ODD_IDS)
def test_odd_links_are_read_as_comfyui_does(value: object, is_link: bool) -> None:
    assert (read_link(value) is not None) is is_link


@given(st.text(max_size=5), st.integers() | st.floats() | st.booleans())
def test_list_of_text_and_number_is_a_link(node_id: str, slot: float) -> None:
    assert read_link([node_id, slot]) is not None
    assert read_link({"__value__": [node_id, slot]}) is not None
    assert read_link([node_id, slot, 0]) is read_link([slot, node_id]) is read_link([node_id]) is None


def prompt(value: object) -> dict[str, Any]:
    """Return a prompt of two nodes, the second with one odd input."""
    return {"1": {"class_type": "A", "inputs": {}}, "2": {"class_type": "B", "inputs": {"x": value}}}


@pytest.mark.parametrize("value", [value for value in LINKS if "1" in str(value)], ids=str)
def test_link_beside_published_ones_is_found(value: object) -> None:
    assert not shape_of(prompt("plain")).has(shape_of(prompt(value)))
