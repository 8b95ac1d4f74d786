"""The dialog that makes a link to the chosen workflow, with or without the values of its form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.ui.form.open_workflow import SHIPPED_IDS, OpenWorkflow
from app.ui.form.state import Draft
from app.ui.kit.state import Dialog
from app.ui.library.library import PUBLISHED_MARK
from app.workflows.links import SAFE_LENGTH, FilledLink, WorkflowLink, link_name, with_values, write_link


@dataclass(frozen=True, slots=True)
class ShareDialog(Dialog):
    """The open dialog. `page` is the page's own address."""

    page: str
    has_values: bool = False


@dataclass(frozen=True, slots=True)
class ShareView:
    """A link to a workflow; empty if others cannot open that. `left_out` values cannot be in a link."""

    dialog: ShareDialog
    title: str
    link: str = ""
    values: int = 0
    left_out: int = 0

    @property
    def is_long(self) -> bool:
        """Whether some programs would cut it."""
        return len(self.link) > SAFE_LENGTH


def share_view(dialog: ShareDialog, chosen: OpenWorkflow, draft: Draft, paths: Iterable[str]) -> ShareView:
    """Return the view of the dialog. `paths` are the published files."""
    name = name_of(chosen.workflow_id, paths)
    if not name:
        return ShareView(dialog, chosen.title)
    found = FilledLink(WorkflowLink(name))
    if dialog.has_values:
        found = with_values(name, chosen.form, draft.values, draft.modes, chosen.credit_classes)
        files = sum(item.key in draft.pictures for item in chosen.uploads)
        found = FilledLink(found.link, found.left_out + files)
    link = f"{dialog.page}#{write_link(found.link)}"
    return ShareView(dialog, chosen.title, link, len(found.link.values), found.left_out)


def name_of(workflow_id: str, paths: Iterable[str]) -> str:
    """Return a workflow's name in links; empty if it is in this browser only."""
    known = tuple(paths)
    path = workflow_id.removeprefix(PUBLISHED_MARK)
    if path != workflow_id:
        return link_name(path, known) if path in known else ""
    return workflow_id if workflow_id in SHIPPED_IDS else ""
