"""What a server can do that not every supported one can, by what it announces or has.

`/features` is `{"max_upload_size": 104857600, "node_replacements": true, …}`. It does not announce the jobs API: a
server has that if it answers `/api/jobs` with a list. Downloads of models are announced by the flags that ComfyUI's
editor reads; a server may set one and still answer with a 404.
"""

from __future__ import annotations

from dataclasses import dataclass

JOBS = "/api/jobs"
_DOWNLOADS = ("async_model_upload_enabled", "model_upload_button_enabled")  # the flag's name depends on the version


@dataclass(frozen=True, slots=True)
class Features:
    """The announced features that Mooring uses; an older server announces fewer."""

    max_upload: int | None = None  # bytes of a request
    replaces_nodes: bool = False  # it lists replaced node classes, and renames them in prompts
    can_download: bool = False  # models


def read_features(answer: object) -> Features:
    """Read `/features`. A server that answers anything else has none of them."""
    if not isinstance(answer, dict):
        return Features()
    size = answer.get("max_upload_size")
    is_size = isinstance(size, int) and not isinstance(size, bool) and size > 0
    return Features(
        size if is_size else None,
        replaces_nodes=answer.get("node_replacements") is True,
        can_download=any(answer.get(name) is True for name in _DOWNLOADS),
    )


def lists_jobs(answer: object) -> bool:
    """Return whether this is the answer of a jobs API."""
    return isinstance(answer, dict) and isinstance(answer.get("jobs"), list)
