"""The folders of users' uploads, on servers of every system."""

from __future__ import annotations

import pytest

from gateway.people.user import User
from wire.file_names import is_unambiguous

NAMES = ["bob", "aux", "con", "nul.smith", "com1", "bob.", "lpt1@example.org", "b@x.y", "a.b-c_d"]


@pytest.mark.parametrize("account_id", ["", "0123456789abcdef"])
@pytest.mark.parametrize("name", NAMES)
def test_folder_of_any_user_is_unambiguous_and_their_own(name: str, account_id: str) -> None:
    user = User(name, account_id=account_id)
    _, folder = user.folder.split("/")
    assert is_unambiguous(folder) and user.has_upload(f"{user.folder}/a.png")
    others = {User(other, account_id=account_id).folder for other in NAMES if other != name}
    assert user.folder.casefold() not in {other.casefold() for other in others}


def test_usual_folder_stays_as_it_was() -> None:
    assert User("bob").folder == "mooring-people/bob"
    assert User("bob", account_id="0123456789abcdef").folder == "mooring-people/bob~0123456789abcdef"


@pytest.mark.parametrize(
    "part", ["..", "..\\x", ".. ", "...", "x.png.", "x.png ", "aux", "NUL.png", "a:b", "x.png::$DATA", "COM¹", "a\0b"]
)
@pytest.mark.parametrize("folder", [User("bob").folder, "mooring-shared"])
def test_path_with_another_meaning_on_windows_is_no_upload(folder: str, part: str) -> None:
    assert not User("bob").has_upload(f"{folder}/{part}")
    assert not User("bob").has_upload(f"{folder}/{part}/x.png")
