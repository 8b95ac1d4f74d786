"""An open workflow: its form, built from a server's catalogue, in its author's or the user's layout.

A shipped, published or dropped workflow is a `Published`, and has the same form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from app.core.errors import BadInput
from app.core.workflow import ApiWorkflow, parse_workflow
from app.ui.kit.background import without_collecting
from app.workflows.catalogue import Catalogue
from app.workflows.documents import FileNote
from app.workflows.editor.conversion import Conversion, Converter
from app.workflows.editor.graph import class_names
from app.workflows.editor.hints import hints_of
from app.workflows.editor.nodes import VIRTUAL
from app.workflows.editor.problems import CannotConvert
from app.workflows.editor.sending import EditorSender
from app.workflows.forms.arrangement import Arranged, Layout, arrange, workflow_key
from app.workflows.forms.building import first_form, form_steps
from app.workflows.forms.fields import Field
from app.workflows.forms.form import Form
from app.workflows.forms.kinds import Choice
from app.workflows.forms.prompts import prompts_of
from app.workflows.graph import Key
from app.workflows.model_sources import ModelSource, read_model_sources
from app.workflows.published import Published, checkpoints_of, parse_published, with_checkpoint

MOST_IN_ONE_STEP = 60  # nodes; a larger workflow's form is made in steps
SHIPPED_IDS = (
    "text",
    "checkpoint",
    "enlarge",
    "blend",
    "slow",
)  # the files of `static/workflows`, in the picker's order


@dataclass(frozen=True, eq=False)
class GivenWorkflow:
    """A workflow from a file: as sent to a server (`api`), as the editor's graph, or both.

    `graph` is preferred, if a server's catalogue can convert it.
    """

    workflow_id: str
    title: str
    api: str = ""
    graph: str = ""
    notes: tuple[FileNote, ...] = ()
    about: str = ""
    parsed: Mapping[str, Any] | None = None  # `graph`, if it was just read

    @cached_property
    def source(self) -> Mapping[str, Any]:
        """The editor's graph; BadInput if it is none."""
        if self.parsed is not None:
            return self.parsed
        try:
            graph = json.loads(self.graph)
        except (ValueError, RecursionError) as error:
            raise BadInput("bad-workflow", self.title, "not JSON") from error
        if not isinstance(graph, Mapping):
            raise BadInput("bad-workflow", self.title, "not an object")
        return graph

    @cached_property
    def sent(self) -> ApiWorkflow:
        """The workflow as sent; BadInput if it is none."""
        return parse_workflow(self.api)

    @cached_property
    def models(self) -> tuple[ModelSource, ...]:
        """The sources of models that the graph names, even if it cannot be converted."""
        try:
            return read_model_sources(self.source) if self.graph else ()
        except BadInput:
            return ()

    @cached_property
    def class_names(self) -> frozenset[str]:
        """The node classes that a server needs for it."""
        if self.graph:
            return class_names(self.source) - VIRTUAL
        return frozenset(node.class_type for node in self.sent.nodes.values())


@dataclass(frozen=True, slots=True, eq=False)
class ConvertedFile:
    """The editor's own file of an open workflow, as one server's catalogue converts it."""

    given: GivenWorkflow
    conversion: Conversion
    sender: EditorSender


@dataclass(frozen=True, eq=False)
class OpenWorkflow:
    """An open workflow, compared by identity."""

    published: Published
    layout: Layout
    form: Form
    arranged: Arranged
    catalogue: Catalogue | None = None
    editor: ConvertedFile | None = None
    notes: tuple[FileNote, ...] = ()
    is_whole: bool = True  # False while only the inputs on top are built

    @property
    def workflow_id(self) -> str:
        """Its id in the page's own records."""
        return self.published.workflow_id

    @property
    def title(self) -> str:
        """Its title."""
        return self.published.title

    @property
    def about(self) -> str:
        """Its description, in one sentence."""
        return self.published.about

    @property
    def needs_demo(self) -> bool:
        """Whether only a demo server has its nodes."""
        return self.published.needs_demo

    @cached_property
    def lacks_checkpoint(self) -> bool:
        """Whether the server of its form has no checkpoint, or not the nodes that use one."""
        if not self.published.needs_checkpoint or self.catalogue is None:
            return False
        return not checkpoints_of(self.catalogue) or any(name not in self.catalogue for name in self.class_names)

    @property
    def workflow(self) -> ApiWorkflow:
        """The graph as it came."""
        return self.published.workflow

    @property
    def class_names(self) -> frozenset[str]:
        """The node classes that a server needs for it."""
        if self.editor is not None:
            return self.editor.given.class_names
        return frozenset(node.class_type for node in self.workflow.nodes.values())

    @cached_property
    def credit_classes(self) -> frozenset[str]:
        """The node classes that cost credits."""
        names = {node.class_type for node in self.workflow.nodes.values()} if self.catalogue is not None else ()
        return frozenset(name for name in names if self.catalogue is not None and self.catalogue.uses_credits(name))

    @cached_property
    def shaping(self) -> frozenset[str]:
        """The nodes whose choices add other inputs."""
        kinds = ((item.node_id, item.kind) for item in self.form.by_key.values())
        return frozenset(node_id for node_id, kind in kinds if isinstance(kind, Choice) and kind.is_shaping)

    @cached_property
    def prompts(self) -> tuple[Field, ...]:
        """The texts in which choices and wildcards are drawn for each run."""
        return prompts_of(self.form.by_key.values())

    @cached_property
    def uploads(self) -> tuple[Field, ...]:
        """The fields that take a file, those on top first."""
        top = [item.key for item in self.arranged.first]
        uploads = {item.key: item for item in self.form.uploads()}
        return tuple(uploads[key] for key in dict.fromkeys([*top, *uploads]) if key in uploads)


def find_open(workflows: Iterable[OpenWorkflow], workflow_id: str) -> OpenWorkflow | None:
    """Return the workflow with that id, if it is open."""
    return next((item for item in workflows if item.workflow_id == workflow_id), None)


def open_workflow(
    published: Published, catalogue: Catalogue | None = None, layout: Layout | None = None
) -> OpenWorkflow:
    """Open a workflow; `layout` is the user's own, if there is one."""
    return _arranged(published, catalogue, layout or published.layout, {})


@lru_cache(maxsize=len(SHIPPED_IDS))
def open_shipped(workflow_id: str, text: str) -> OpenWorkflow:
    """Open a shipped workflow, as the memory snapshot has done already (`gateway/install/snapshot.mjs`)."""
    return open_workflow(parse_published(workflow_id, text))


Recall = Callable[[str], Layout | None]  # the user's layout for workflows of that shape


def open_given(
    given: GivenWorkflow, catalogue: Catalogue | None, recall: Recall = lambda _key: None, *, in_steps: bool = False
) -> OpenWorkflow | None:
    """Open a file's workflow; None if that needs a catalogue and there is none yet.

    Raises CannotConvert or BadInput. If the graph cannot be converted, the workflow as sent is used, with a note.
    With `in_steps`, a large form has only the inputs on top at first, and `completing` builds the rest.
    """
    with without_collecting():
        if not given.graph:
            return _open_sent(given, catalogue, recall, given.notes, in_steps)
        if catalogue is None:
            return None
        try:
            return _open_graph(given, catalogue, recall, in_steps)
        except CannotConvert:
            if not given.api:
                raise
            return _open_sent(given, catalogue, recall, (*given.notes, FileNote.GRAPH_REFUSED), in_steps)


def _open_sent(
    given: GivenWorkflow, catalogue: Catalogue | None, recall: Recall, notes: tuple[FileNote, ...], in_steps: bool
) -> OpenWorkflow:
    own = Layout(workflow_key(given.sent))
    published = Published(given.workflow_id, given.title, given.about, False, given.sent, own, models=given.models)
    return replace(_opened(published, catalogue, recall(published.key) or own, in_steps), notes=notes)


def _open_graph(given: GivenWorkflow, catalogue: Catalogue, recall: Recall, in_steps: bool) -> OpenWorkflow:
    converter = Converter(catalogue)
    conversion = converter.convert(given.source)
    own = Layout(workflow_key(conversion.workflow))
    published = Published(
        given.workflow_id,
        given.title,
        given.about,
        False,
        conversion.workflow,
        own,
        hints=hints_of(conversion),
        models=given.models,
    )
    opened = _opened(published, catalogue, recall(published.key) or own, in_steps)
    notes = (*given.notes, FileNote.NODES_REPLACED) if conversion.is_replaced else given.notes
    return replace(opened, editor=ConvertedFile(given, conversion, EditorSender(converter, conversion)), notes=notes)


def _opened(published: Published, catalogue: Catalogue | None, layout: Layout, in_steps: bool) -> OpenWorkflow:
    if not in_steps or catalogue is None or len(published.workflow.nodes) <= MOST_IN_ONE_STEP:
        return _arranged(published, catalogue, layout, {})
    form = first_form(published.workflow, catalogue, published.hints, layout.first)
    return OpenWorkflow(published, layout, form, arrange(form, layout), catalogue, is_whole=False)


def completing(opened: OpenWorkflow) -> Generator[None, None, Form]:
    """Build the rest of a form in steps of a few milliseconds."""
    return form_steps(opened.published.workflow, opened.catalogue, opened.published.hints)


def completed(opened: OpenWorkflow, form: Form) -> OpenWorkflow:
    """Return the workflow with its whole form, in its present layout."""
    return replace(opened, form=form, arranged=arrange(form, opened.layout), is_whole=True)


def with_catalogue(opened: OpenWorkflow, catalogue: Catalogue) -> OpenWorkflow:
    """Return the workflow with the form of another catalogue; CannotConvert if that is not possible."""
    if opened.editor is not None:
        return _open_graph(opened.editor.given, catalogue, lambda _key: opened.layout, in_steps=False)
    return replace(_arranged(opened.published, catalogue, opened.layout, {}), notes=opened.notes)


def arranged_as(opened: OpenWorkflow, layout: Layout) -> OpenWorkflow:
    """Return the workflow in another layout."""
    return replace(opened, layout=layout, arranged=arrange(opened.form, layout))


def shaped(opened: OpenWorkflow, texts: Mapping[Key, str]) -> OpenWorkflow:
    """Return the workflow with the inputs that the choices in the form add."""
    made = tuple((key, text) for key, text in texts.items() if key[0] in opened.shaping)
    return _shaped(opened, made) if made else opened


@lru_cache(maxsize=8)
def _shaped(opened: OpenWorkflow, made: tuple[tuple[Key, str], ...]) -> OpenWorkflow:
    shaped_form = _arranged(opened.published, opened.catalogue, opened.layout, dict(made))
    return replace(shaped_form, editor=opened.editor, notes=opened.notes)


def _arranged(
    published: Published, catalogue: Catalogue | None, layout: Layout, texts: Mapping[Key, str]
) -> OpenWorkflow:
    published = with_checkpoint(published, catalogue)
    form = published.form(catalogue, texts)
    return OpenWorkflow(published, layout, form, arrange(form, layout), catalogue)


def changed_texts(opened: OpenWorkflow, before: Mapping[Key, str], after: Mapping[Key, str]) -> list[dict[str, str]]:
    """Return the fields whose text has changed, as `Screen.update` takes them."""
    fields = shaped(opened, after).form.by_key
    changed = (fields[key] for key in sorted({*before, *after}) if key in fields)
    return [
        {"node": item.node_id, "name": item.input_name, "text": text}
        for item in changed
        if (text := item.text_in(after)) != item.text_in(before)
    ]
