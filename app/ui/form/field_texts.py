"""What has to be put into fields that the person owns, where the person has asked for it: undo, a preset, a value."""

from __future__ import annotations

from collections.abc import Mapping

from app.ui.form.open_workflow import OpenWorkflow, shaped
from app.workflows.graph import Key


def changed_texts(opened: OpenWorkflow, before: Mapping[Key, str], after: Mapping[Key, str]) -> list[dict[str, str]]:
    """The fields in which another text stands now, as `Screen.update` takes them."""
    fields = shaped(opened, after).form.by_key
    texts = {key: after.get(key, fields[key].text) for key in sorted({*before, *after}) if key in fields}
    return [
        {"node": key[0], "name": key[1], "text": text}
        for key, text in texts.items()
        if text != before.get(key, fields[key].text)
    ]
