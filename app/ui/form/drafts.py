"""Drafts as text, which the tab keeps over a reload: values, seeds' modes, and the names of pictures.

The bytes of files are in the store. They are found by hash: the one in the draft, or that of a task that used the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.window import Restoring, Window
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.state import Draft, FormState
from app.ui.kit.screen import Screen
from app.workflows.forms.kinds import SeedMode
from app.workflows.graph import Key

STORE_KEY = "mooring.draft"
HANDED_KEY = "mooring.handed-draft"  # of all windows: what the next new one begins with
HANDED_FOR = 30.0  # seconds


def hand_over(state: FormState, memory: Screen, now: float) -> None:
    """Let a new window begin with the chosen workflow and its draft."""
    chosen = {key: draft for key, draft in state.drafts.items() if key == state.workflow_id}
    text = dump(FormState(workflow_id=state.workflow_id, drafts=chosen))
    memory.keep(HANDED_KEY, json.dumps({"at": now, "draft": text}))


def recall(memory: Screen, now: float) -> str:
    """Return this tab's drafts as text; those of a new one are what another window has just handed over."""
    if (own := memory.recall(STORE_KEY)) or not (text := memory.kept(HANDED_KEY)):
        return own
    memory.keep(HANDED_KEY, "")
    try:
        handed = json.loads(text)
    except ValueError:  # not written by this page
        return ""
    match handed:
        case {"at": int() | float() as at, "draft": str(draft)} if 0 <= now - at <= HANDED_FOR:
            return draft
    return ""


def dump(state: FormState) -> str:
    """The drafts as text."""
    drafts = {
        workflow_id: {
            "values": [[*key, value] for key, value in draft.values.items()],
            "modes": [[*key, mode.value] for key, mode in draft.modes.items()],
            "pictures": [[*key, name] for key, name in _names(draft).items()],
            "kept": [[*key, sha256] for key, sha256 in _hashes(draft).items()],
            "linked": [[*key, text] for key, text in draft.linked.items()],
        }
        for workflow_id, draft in state.drafts.items()
    }
    return json.dumps({"v": 1, "chosen": state.workflow_id, "drafts": drafts}, ensure_ascii=False)


def load(
    text: str, workflows: Sequence[OpenWorkflow], is_known: Callable[[str], bool] = lambda _id: False
) -> FormState:
    """Read the stored drafts, without anything unreadable or for nodes that no longer exist.

    `is_known` says whether a workflow exists that is not open yet; its draft stays as it is.
    """
    first = workflows[0].workflow_id if workflows else ""
    nodes = {item.workflow_id: set(item.workflow.nodes) for item in workflows}
    try:
        data = json.loads(text)
        drafts = {
            workflow_id: _draft(draft, nodes.get(workflow_id))
            for workflow_id, draft in data["drafts"].items()
            if workflow_id in nodes or is_known(workflow_id)
        }
        chosen = str(data["chosen"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return FormState(workflow_id=first)
    return FormState(workflow_id=chosen if chosen in nodes or is_known(chosen) else first, drafts=drafts)


@dataclass(frozen=True, slots=True)
class FormerFile:
    """A file from a form before the reload, which may be in the store."""

    workflow_id: str
    key: Key
    name: str
    sha256: str


def stored_files(state: FormState, window: Restoring | Window | None) -> Iterator[FormerFile]:
    """Return the draft's files whose hash is known, from the draft or from a task of this window."""
    tasks = window.tasks.values() if isinstance(window, Window) else ()
    taken = {
        (str(item.node_id), item.input_name, item.original_name): item.sha256 for task in tasks for item in task.inputs
    }
    for workflow_id, draft in state.drafts.items():
        for key, name in draft.awaited.items():
            sha256 = draft.kept.get(key) or taken.get((*key, name))
            if sha256:
                yield FormerFile(workflow_id, key, name, sha256)


def _names(draft: Draft) -> Mapping[Key, str]:
    return {**draft.awaited, **{key: picture.picked.name for key, picture in draft.pictures.items()}}


def _hashes(draft: Draft) -> Mapping[Key, str]:
    kept = {key: picture.sha256 for key, picture in draft.pictures.items() if picture.sha256}
    return {**{key: draft.kept[key] for key in draft.awaited if key in draft.kept}, **kept}


def _draft(data: Any, nodes: set[str] | None) -> Draft:
    """Whether the workflow has that node. Inputs are not checked, since the catalogue may not be read yet."""
    return Draft(
        values=_by_key(data["values"], nodes),
        modes={key: SeedMode(mode) for key, mode in _by_key(data.get("modes", ()), nodes).items()},
        awaited=_by_key(data.get("pictures", ()), nodes),
        kept=_by_key(data.get("kept", ()), nodes),
        linked=_by_key(data.get("linked", ()), nodes),
    )


def _by_key(items: Any, nodes: set[str] | None) -> dict[Key, str]:
    return {(str(node), str(name)): str(value) for node, name, value in items if nodes is None or str(node) in nodes}
