"""What the menu of a result offers."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.model import Delivery, Task
from app.ui.runs.offers import may_run_twice
from app.ui.runs.state import ResultView
from app.ui.runs.variations import has_seed

_OF_THE_ALBUM = ("album-pick", "album-download")


def not_offered(task: Task, item: ResultView) -> Iterator[str]:
    """Yield the actions of `result_menu` in `over.html` that a result in *Latest* does not offer."""
    yield from _OF_THE_ALBUM
    if not task.workflow:
        yield from ("use-settings", "open-graph")
    can_vary = bool(task.workflow) and has_seed(task)
    if not can_vary:
        yield "run-variation"
    if can_vary or not task.workflow or may_run_twice(task):
        yield "run-again"
    if not item.is_picture:
        yield "album-compare"
    if not (item.is_picture and item.output.delivery is Delivery.KEPT):
        yield "album-download-bare"
    if not item.url:
        yield "note-saved"
