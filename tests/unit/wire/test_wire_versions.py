"""What versions are known to do."""

from __future__ import annotations

import pytest

from wire.versions import checks_new_choices, interrupts_by_id, takes_preview_method


@pytest.mark.parametrize(
    ("version", "by_id"),
    [("0.3.64", True), ("0.38.1", True), ("0.3.64+cu", True), ("0.3.10", False), ("", False), ("dev", False)],
)
def test_only_known_versions_interrupt_by_id(version: str, by_id: bool) -> None:
    assert interrupts_by_id(version) is by_id


@pytest.mark.parametrize(
    ("version", "checks"), [("0.3.64", False), ("0.5.0", True), ("0.30.0", True), ("", True), ("dev", True)]
)
def test_only_known_versions_leave_newer_choices_unchecked(version: str, checks: bool) -> None:
    assert checks_new_choices(version) is checks


@pytest.mark.parametrize(("version", "takes"), [("0.3.64", False), ("0.4.0", False), ("0.30.0", True), ("", False)])
def test_only_newer_versions_take_a_preview_method(version: str, takes: bool) -> None:
    assert takes_preview_method(version) is takes
