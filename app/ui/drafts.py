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
from app.ui.samples import Key, Sample
from app.ui.state import Draft, UiState

STORE_KEY = "mooring.draft"


def dump(ui: UiState) -> str:
    """The drafts as text."""
    drafts = {
        sample_id: {
            "values": [[*key, value] for key, value in draft.values.items()],
            "fixed": sorted(draft.fixed),
            "pictures": [[*key, name] for key, name in _names(draft).items()],
        }
        for sample_id, draft in ui.drafts.items()
    }
    return json.dumps({"v": 1, "chosen": ui.sample_id, "drafts": drafts}, ensure_ascii=False)


def load(text: str, samples: Sequence[Sample]) -> UiState:
    """The person's part as remembered; fields that no longer exist, and anything unreadable, are left out."""
    first = samples[0].sample_id if samples else ""
    try:
        data = json.loads(text)
        drafts = {
            sample.sample_id: _draft(data["drafts"][sample.sample_id], {item.key for item in sample.fields})
            for sample in samples
            if sample.sample_id in data["drafts"]
        }
        chosen = str(data["chosen"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return UiState(sample_id=first)
    known = {sample.sample_id for sample in samples}
    return UiState(sample_id=chosen if chosen in known else first, drafts=drafts)


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
    for sample_id, draft in ui.drafts.items():
        for key, name in draft.awaited.items():
            if (*key, name) in taken:
                yield sample_id, key, taken[(*key, name)]


def _names(draft: Draft) -> Mapping[Key, str]:
    return {**draft.awaited, **{key: picture.picked.name for key, picture in draft.pictures.items()}}


def _draft(data: Any, known: set[Key]) -> Draft:
    values = {(str(node), str(name)): str(value) for node, name, value in data["values"]}
    fixed = frozenset((str(node), str(name)) for node, name in data["fixed"])
    awaited = {(str(node), str(name)): str(file) for node, name, file in data.get("pictures", ())}
    return Draft(
        values={key: value for key, value in values.items() if key in known},
        fixed=fixed & known,
        awaited={key: name for key, name in awaited.items() if key in known},
    )
