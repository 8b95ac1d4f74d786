"""The folders of users' uploads, on servers of every system."""

from __future__ import annotations

import pytest

from gateway.people.person import Person
from wire.file_names import is_unambiguous

NAMES = ["bob", "aux", "con", "nul.smith", "com1", "bob.", "lpt1@example.org", "b@x.y", "a.b-c_d"]


@pytest.mark.parametrize("account_id", ["", "0123456789abcdef"])
@pytest.mark.parametrize("name", NAMES)
def test_folder_of_any_user_is_unambiguous_and_their_own(name: str, account_id: str) -> None:
    person = Person(name, account_id=account_id)
    _, folder = person.folder.split("/")
    assert is_unambiguous(folder) and person.has_upload(f"{person.folder}/a.png")
    others = {Person(other, account_id=account_id).folder for other in NAMES if other != name}
    assert person.folder.casefold() not in {other.casefold() for other in others}


def test_usual_folder_stays_as_it_was() -> None:
    assert Person("bob").folder == "mooring-people/bob"
    assert Person("bob", account_id="0123456789abcdef").folder == "mooring-people/bob~0123456789abcdef"


@pytest.mark.parametrize(
    "part", ["..", "..\\x", ".. ", "...", "x.png.", "x.png ", "aux", "NUL.png", "a:b", "x.png::$DATA", "COM¹", "a\0b"]
)
@pytest.mark.parametrize("folder", [Person("bob").folder, "mooring-shared"])
def test_path_with_another_meaning_on_windows_is_no_upload(folder: str, part: str) -> None:
    assert not Person("bob").has_upload(f"{folder}/{part}")
    assert not Person("bob").has_upload(f"{folder}/{part}/x.png")
