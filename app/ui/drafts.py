"""What the person has typed, remembered by the tab over a reload: values and seeds' modes, not pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from app.ui.samples import Key, Sample
from app.ui.state import Draft, UiState

STORE_KEY = "mooring.draft"


def dump(ui: UiState) -> str:
    """The drafts as text."""
    drafts = {
        sample_id: {
            "values": [[*key, value] for key, value in draft.values.items()],
            "fixed": sorted(draft.fixed),
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
    except (ValueError, KeyError, TypeError):
        return UiState(sample_id=first)
    known = {sample.sample_id for sample in samples}
    return UiState(sample_id=chosen if chosen in known else first, drafts=drafts)


def _draft(data: Any, known: set[Key]) -> Draft:
    values = {(str(node), str(name)): str(value) for node, name, value in data["values"]}
    fixed = frozenset((str(node), str(name)) for node, name in data["fixed"])
    return Draft(values={key: value for key, value in values.items() if key in known}, fixed=fixed & known)
