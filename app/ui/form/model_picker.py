"""The actions of an open model picker: read the files of its choices and the metadata of the marked one, use a word."""

from __future__ import annotations

import logging
from dataclasses import replace

from app.core.errors import MooringError
from app.session.models import Models
from app.ui.form.changes import know
from app.ui.form.context import opened_on
from app.ui.form.models import KnownModels, ModelList, with_or_without, with_words
from app.ui.form.open_workflow import changed_texts, shaped
from app.ui.form.projection import list_id_of
from app.ui.form.state import FormState
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.screen import Screen
from app.workflows.forms.fields import Field
from app.workflows.forms.kinds import Choice

log = logging.getLogger("mooring.ui")


class ModelPicker:
    """The actions of an open picker, which `static/js/combo.js` sends."""

    def __init__(self, models: Models, context: PageContext, screen: Screen) -> None:
        self._models = models
        self._context = context
        self._screen = screen

    @action("open-models")
    async def open(self, node: str, name: str) -> None:
        """Read the files of an input's choices."""
        item = self._field(node, name)
        if item is None or not isinstance(item.kind, Choice):
            return
        choices = [option for option in item.kind.options if isinstance(option, str)]
        try:
            found = ModelList(await self._models.find(item.class_type, item.input_name, choices))
        except MooringError as error:
            log.info("the models of %s were not read: %r", item.input_name, error)
            found = ModelList(error=error)
        known = self._known
        self._set(replace(known, lists={**known.lists, list_id_of(item): with_words(found, known.facts)}))

    @action("mark-model")
    async def mark(self, node: str, name: str, value: str) -> None:
        """Read and show the metadata of one choice."""
        item = self._field(node, name)
        list_id = list_id_of(item) if item is not None else ""
        self._set(replace(self._known, marked=(list_id, value), error=None))
        listed = self._known.lists.get(list_id)
        file = listed.files.get(value) if listed is not None else None
        if file is None:
            return
        try:
            facts = await self._models.facts(file)
        except MooringError as error:
            log.info("the metadata of %s was not read: %r", file.name, error)
            if self._known.marked == (list_id, value):
                self._set(replace(self._known, error=error))
            return
        known = self._known
        if known.facts.get(file) != facts:
            known = replace(known, facts={**known.facts, file: facts})
            self._set(replace(known, lists={key: with_words(one, known.facts) for key, one in known.lists.items()}))

    @action("use-word")
    def use(self, node: str, name: str, text: str) -> None:
        """Add a word to the end of a prompt, or remove it."""
        key, form, opened = (node, name), self._context.ui.of(FormState), opened_on(self._context)
        item = self._field(node, name)
        if opened is None or item is None:
            return
        draft = form.draft.with_typed(
            {**form.draft.values, key: with_or_without(item.text_in(form.draft.values), text)}, form.draft.modes
        )
        set_slices(self._context, form.with_draft(draft))
        self._screen.update({"texts": changed_texts(opened, form.draft.values, draft.values)})

    @property
    def _known(self) -> KnownModels:
        return self._context.ui.of(FormState).known.models

    def _set(self, models: KnownModels) -> None:
        if self._known != models:
            know(self._context, models=models)

    def _field(self, node: str, name: str) -> Field | None:
        opened = opened_on(self._context)
        form = shaped(opened, self._context.ui.of(FormState).draft.values).form if opened is not None else None
        return form.by_key.get((node, name)) if form is not None else None
