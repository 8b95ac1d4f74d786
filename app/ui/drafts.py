"""What the person has typed, remembered by the tab over a reload: values, seeds' modes, and pictures by their names.

A picture's bytes are not remembered here. Those of a picture that has been run are kept in the store, and are found
again through the task that took them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.core.model import InputFile
from app.core.window import Restoring, Window
from app.ui.form_state import Draft
from app.ui.state import UiState
from app.ui.workflows import OpenWorkflow
from app.workflows.fields import SeedMode
from app.workflows.graph import Key

STORE_KEY = "mooring.draft"


def dump(ui: UiState) -> str:
    """The drafts as text."""
    drafts = {
        workflow_id: {
            "values": [[*key, value] for key, value in draft.values.items()],
            "modes": [[*key, mode.value] for key, mode in draft.modes.items()],
            "pictures": [[*key, name] for key, name in _names(draft).items()],
        }
        for workflow_id, draft in ui.drafts.items()
    }
    return json.dumps({"v": 1, "chosen": ui.workflow_id, "drafts": drafts}, ensure_ascii=False)


def load(text: str, workflows: Sequence[OpenWorkflow]) -> UiState:
    """The person's part as remembered; anything unreadable, and what is about nodes that are gone, is left out."""
    first = workflows[0].workflow_id if workflows else ""
    try:
        data = json.loads(text)
        drafts = {
            item.workflow_id: _draft(data["drafts"][item.workflow_id], set(item.workflow.nodes))
            for item in workflows
            if item.workflow_id in data["drafts"]
        }
        chosen = str(data["chosen"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return UiState(workflow_id=first)
    known = {item.workflow_id for item in workflows}
    return UiState(workflow_id=chosen if chosen in known else first, drafts=drafts)


def find_again(ui: UiState, window: Restoring | Window | None) -> Iterator[tuple[str, Key, InputFile]]:
    """The remembered pictures that a task of this window has taken: workflow, field, and the kept file."""
    if not isinstance(window, Window):
        return
    taken = {
        (str(item.node_id), item.input_name, item.original_name): item
        for task in window.tasks.values()
        for item in task.inputs
        if item.sha256
    }
    for workflow_id, draft in ui.drafts.items():
        for key, name in draft.awaited.items():
            if (*key, name) in taken:
                yield workflow_id, key, taken[(*key, name)]


def _names(draft: Draft) -> Mapping[Key, str]:
    return {**draft.awaited, **{key: picture.picked.name for key, picture in draft.pictures.items()}}


def _draft(data: Any, nodes: set[str]) -> Draft:
    """Inputs are not looked at: the catalogue that knows them may not be there yet."""
    return Draft(
        values=_by_key(data["values"], nodes),
        modes={key: SeedMode(mode) for key, mode in _by_key(data.get("modes", ()), nodes).items()},
        awaited=_by_key(data.get("pictures", ()), nodes),
    )


def _by_key(items: Any, nodes: set[str]) -> dict[Key, str]:
    return {(str(node), str(name)): str(value) for node, name, value in items if str(node) in nodes}
