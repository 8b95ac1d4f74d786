"""A workflow that the person can work with here: its form as a server's catalogue makes it, arranged as somebody likes.

Whatever a workflow comes from (shipped, published, dropped in), it is a `Published` and has this one form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from app.core.workflow import ApiWorkflow
from app.workflows.catalogue import Catalogue
from app.workflows.fields import Choice, Field
from app.workflows.form import Form
from app.workflows.graph import Key
from app.workflows.layout import Arranged, Layout, arrange
from app.workflows.published import Published

SHIPPED_IDS = ("enlarge", "blend", "text", "slow")  # the files of `static/workflows`, in the picker's order


@dataclass(frozen=True, slots=True, eq=False)
class OpenWorkflow:
    """One workflow in the picker. It is itself or another one: nothing compares what is inside."""

    published: Published
    layout: Layout
    form: Form
    arranged: Arranged
    catalogue: Catalogue | None = None

    @property
    def workflow_id(self) -> str:
        """What it is called in the page's own records."""
        return self.published.workflow_id

    @property
    def title(self) -> str:
        """What people call it."""
        return self.published.title

    @property
    def about(self) -> str:
        """What it does, in a sentence."""
        return self.published.about

    @property
    def needs_demo(self) -> bool:
        """Whether only a demo server has its nodes."""
        return self.published.needs_demo

    @property
    def workflow(self) -> ApiWorkflow:
        """The graph as it came."""
        return self.published.workflow

    @property
    def uploads(self) -> tuple[Field, ...]:
        """The fields that take a file, those on top first."""
        top = [item.key for item in self.arranged.first]
        uploads = {item.key: item for item in self.form.uploads()}
        return tuple(uploads[key] for key in dict.fromkeys([*top, *uploads]) if key in uploads)


def open_workflow(
    published: Published, catalogue: Catalogue | None = None, layout: Layout | None = None
) -> OpenWorkflow:
    """A workflow with its form; `layout` is the person's own, if there is one."""
    return _arranged(published, catalogue, layout or published.layout, {})


def with_catalogue(opened: OpenWorkflow, catalogue: Catalogue) -> OpenWorkflow:
    """The same with the form that a catalogue makes."""
    return _arranged(opened.published, catalogue, opened.layout, {})


def arranged_as(opened: OpenWorkflow, layout: Layout) -> OpenWorkflow:
    """The same in another layout."""
    return replace(opened, layout=layout, arranged=arrange(opened.form, layout))


def shaped(opened: OpenWorkflow, texts: Mapping[Key, str]) -> OpenWorkflow:
    """The same with the inputs that the choices made in the form bring along."""
    shaping = {
        item.node_id for item in opened.form.by_key.values() if isinstance(item.kind, Choice) and item.kind.is_shaping
    }
    made = tuple((key, text) for key, text in texts.items() if key[0] in shaping)
    return _shaped(opened, made) if made else opened


@lru_cache(maxsize=8)
def _shaped(opened: OpenWorkflow, made: tuple[tuple[Key, str], ...]) -> OpenWorkflow:
    return _arranged(opened.published, opened.catalogue, opened.layout, dict(made))


def _arranged(
    published: Published, catalogue: Catalogue | None, layout: Layout, texts: Mapping[Key, str]
) -> OpenWorkflow:
    form = published.form(catalogue, texts)
    return OpenWorkflow(published, layout, form, arrange(form, layout), catalogue)
