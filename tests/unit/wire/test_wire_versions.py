"""Which versions interrupt by id."""

from __future__ import annotations

import pytest

from wire.versions import interrupts_by_id


@pytest.mark.parametrize(
    ("version", "by_id"),
    [("0.3.64", True), ("0.38.1", True), ("0.3.64+cu", True), ("0.3.10", False), ("", False), ("dev", False)],
)
def test_only_known_versions_interrupt_by_id(version: str, by_id: bool) -> None:
    assert interrupts_by_id(version) is by_id
