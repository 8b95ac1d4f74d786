"""Names of models that are equal but for their slashes."""

from __future__ import annotations

import pytest

from app.core.spelling import respelled, with_slashes

WINDOWS = ("xl\\sd.safetensors", "xl\\old\\sd.safetensors", "plain.safetensors", 7)
OTHERS = ("xl/sd.safetensors", "xl/old/sd.safetensors", "plain.safetensors", 7)


@pytest.mark.parametrize("name", ["xl/old/sd.safetensors", "xl\\old\\sd.safetensors", "xl\\old/sd.safetensors"])
def test_name_is_spelled_as_in_the_options(name: str) -> None:
    assert respelled(name, WINDOWS) == "xl\\old\\sd.safetensors"
    assert respelled(name, OTHERS) == "xl/old/sd.safetensors"
    assert with_slashes(name) == "xl/old/sd.safetensors"


@pytest.mark.parametrize("name", ["plain.safetensors", "xl/none.safetensors", "XL\\sd.safetensors", "", "/"])
def test_other_name_stays(name: str) -> None:
    assert respelled(name, WINDOWS) == respelled(name, OTHERS) == name


def test_name_that_is_listed_stays_beside_its_other_spelling() -> None:
    both = ("a/b", "a\\b")
    assert [respelled(name, both) for name in both] == list(both)
