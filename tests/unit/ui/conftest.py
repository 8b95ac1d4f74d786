"""All markup that these tests render is checked: its actions exist, and it carries the facts that they read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from markupsafe import Markup

from tests.kit.page.markup_actions import problems


@pytest.fixture(autouse=True)
def _actions_of_markup(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = list[str]()
    make = Markup.__new__

    def checked(cls: type[Markup], *args: Any, **more: Any) -> Markup:
        made = make(cls, *args, **more)
        found.extend(problems(made))
        return made

    monkeypatch.setattr(Markup, "__new__", checked)
    yield
    assert not found, "\n".join(dict.fromkeys(found))
