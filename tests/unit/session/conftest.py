"""Fixtures of several scenarios."""

from __future__ import annotations

import pytest

from app.core import past


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a window hold three tasks, and one more for a while."""
    monkeypatch.setattr(past, "RECENT", 3)
    monkeypatch.setattr(past, "SLACK", 1)
