"""Finding commands: by what is typed, and by their ids.

find_commands(commands, "宽", recent)         # what the palette lists
find_command(commands, "run")                  # the command of a key, if it is offered
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from app.ui.commands.shortcuts import KEY_OF
from app.ui.kit.commands import Command
from app.workflows.forms.search import plain

MOST_SHOWN = 40
MOST_RECENT = 5
LEAST_SEARCHED = 2  # characters of a text for which all results can be searched


def key_of(command: Command) -> str:
    """Return the single key of the same command; empty if there is none."""
    return KEY_OF.get(command.command_id, "")


def find_command(offered: Sequence[Command], command_id: str) -> Command | None:
    """Return the command with this id, if it is offered."""
    return next((item for item in offered if item.command_id == command_id), None)


def find_commands(offered: Sequence[Command], query: str, recent: Sequence[str]) -> tuple[Command, ...]:
    """Return the commands that match every word: titles that start with the query first, or without one the recent."""
    words = plain(query).split()
    if not words:
        late = [item for name in recent if (item := find_command(offered, name)) is not None]
        rest = [item for item in offered if item not in late]
        return tuple(late[:MOST_RECENT] + rest)
    found = [(item, text) for item in offered if all(word in (text := _plain(item.text)) for word in words)]
    places = {name: place for place, name in enumerate(recent)}
    found.sort(key=lambda pair: (not pair[1].startswith(words[0]), places.get(pair[0].command_id, len(places))))
    return tuple(item for item, _text in found)


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    return plain(text)
