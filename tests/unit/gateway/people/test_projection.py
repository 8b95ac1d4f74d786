"""What one user sees of a server's history."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.people import projection
from gateway.people.evidence import ProvingRun
from gateway.people.keys import Keys
from gateway.people.projection import own_entry
from gateway.people.user import MARK, User

KEYS = Keys((b"k" * 32,))
ALICE, BOB = User("alice", keys=KEYS), User("bob", keys=KEYS)


def text_of(*owners: User) -> bytes:
    """Return the text of a history with an entry of each of these users."""
    status = {"status_str": "success", "completed": True, "messages": []}
    entries = {
        one.name: {"prompt": [1, one.name, {}, {MARK: one.mark("a", one.name)}, []], "outputs": {}, "status": status}
        for one in owners
    }
    return json.dumps(entries).encode()


@pytest.mark.parametrize(("owners", "found"), [((), ()), ((ALICE,), ("alice",)), ((BOB,), None), ((ALICE, BOB), None)])
def test_entry_is_shown_to_its_owner_only(owners: tuple[User, ...], found: tuple[str, ...] | None) -> None:
    own = own_entry(text_of(*owners), ALICE, "a")
    assert (None if own is None else tuple(one.prompt_id for one in own)) == found


def test_run_of_an_entry_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def count(name: str, work: Any) -> Any:
        def counted(*arguments: Any) -> Any:
            read.append(name)
            return work(*arguments)

        return counted

    monkeypatch.setattr(projection, "parse_json", count("text", projection.parse_json))
    monkeypatch.setattr(ProvingRun, "of", count("run", ProvingRun.of))
    assert own_entry(text_of(ALICE), ALICE, "a")
    assert read == ["text", "run"]
