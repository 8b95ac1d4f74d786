"""The tray on the page: which files wait in it, and the fields of the form that take them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.core.ports.tray import SharedFile
from app.ui.form.file_actions import fits, type_of
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.kit.state import Slice
from app.workflows.forms.fields import Field

MOST_PLACES = 4  # fields that are offered for a file


@dataclass(frozen=True, slots=True)
class TrayState(Slice):
    files: tuple[SharedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class TrayItem:
    """A file with its small picture, an empty address if it has none, and the fields that take it."""

    file_id: int
    name: str
    size: int
    media_type: str
    icon: str
    url: str
    places: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class TrayView:
    """The files in the tray, and the names and bytes of those that wait to be taken."""

    items: tuple[TrayItem, ...] = ()
    waiting: tuple[str, ...] = ()
    waiting_size: int = 0

    @property
    def has_places(self) -> bool:
        """Whether a field takes any of them."""
        return any(item.places for item in self.items)

    @property
    def can_run_each(self) -> bool:
        """Whether fields take several of them, so that there can be a run for each."""
        return sum(bool(item.places) for item in self.items) > 1


def tray_view(
    state: TrayState, chosen: OpenWorkflow | None, hidden: frozenset[str], sight: Callable[[str], str]
) -> TrayView:
    """Return what the page shows; `hidden` has the ids of files that were removed just now."""
    files = [file for file in state.files if shared_id(file.file_id) not in hidden]
    waiting = [file for file in files if file.waits]
    return TrayView(
        tuple(_item(file, chosen, sight) for file in files if not file.waits),
        tuple(file.name for file in waiting),
        sum(file.blob.size for file in waiting),
    )


def shared_id(file_id: int) -> str:
    """Return the id of a file among the items of the page."""
    return f"shared-{file_id}"


def _item(file: SharedFile, chosen: OpenWorkflow | None, sight: Callable[[str], str]) -> TrayItem:
    media_type = type_of(file.blob, file.name)
    icon = {"video": "film", "audio": "sound"}.get(media_type.partition("/")[0], "picture")
    places = tuple(item for item in chosen.uploads if fits(item, media_type)) if chosen is not None else ()
    return TrayItem(
        file.file_id, file.name, file.blob.size, media_type, icon, sight(shared_id(file.file_id)), places[:MOST_PLACES]
    )
