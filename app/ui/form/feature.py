"""The form: its inputs, their nodes and long lists, and the dialogs about it."""

from __future__ import annotations

from dataclasses import replace

from app.ui.form.camera_html import camera
from app.ui.form.context import Chosen, chosen_part
from app.ui.form.controls import field_id
from app.ui.form.field_html import field_inside
from app.ui.form.form_html import form
from app.ui.form.mask import CameraDialog, CameraView, MaskDialog, MaskView, picture_view
from app.ui.form.mask_html import masking
from app.ui.form.models import MarkedModel
from app.ui.form.models_html import marked
from app.ui.form.nodes_html import nodes
from app.ui.form.picker import LibraryEntries
from app.ui.form.presets import PresetsDialog, PresetsView, presets_view
from app.ui.form.presets_html import presets
from app.ui.form.projection import form_view, found_keys, marked_model, nodes_view
from app.ui.form.state import FormState, FormView, GoneFiles, NodesView
from app.ui.kit.feature import DialogKind, Feature, Part, Region
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import Projection
from app.workflows.forms.fields import Upload


def _asking(page: Projection) -> FormState:
    """Return the form with the errors of files that no server has."""
    state, gone = page.ui.of(FormState), page.of(GoneFiles).faults
    return state.with_draft(replace(state.draft, faults={**gone, **state.draft.faults})) if gone else state


def _form(page: Projection) -> FormView:
    chosen, state = page.of(Chosen).shaped, page.ui.of(FormState)
    return form_view(page.of(LibraryEntries), chosen, _asking(page), found_keys(chosen, state, page.word))


def _nodes(page: Projection) -> NodesView:
    chosen, state = page.of(Chosen).shaped, page.ui.of(FormState)
    return nodes_view(chosen, _asking(page), found_keys(chosen, state, page.word))


def _marked(page: Projection) -> MarkedModel:
    return marked_model(page.of(Chosen).shaped, page.ui.of(FormState))


def _picture(dialog: MaskDialog | CameraDialog, page: Projection) -> MaskView | CameraView | None:
    chosen = page.of(Chosen).shaped
    return picture_view(dialog, page.ui.of(FormState).draft, chosen.form.by_key if chosen is not None else {})


def _presets(dialog: PresetsDialog, page: Projection) -> PresetsView | None:
    state, opened = page.ui.of(FormState), page.of(Chosen).opened
    return presets_view(dialog, state.known, opened, state.draft, page.ui.hidden) if opened is not None else None


def _typed(before: FormView, after: FormView, _: Translator) -> dict[str, str] | None:
    """Return the insides of the inputs whose text has changed; None if anything else has."""
    if len(before.fields) != len(after.fields) or replace(before, fields=()) != replace(after, fields=()):
        return None
    typed = {}
    for was, view in zip(before.fields, after.fields, strict=True):
        if was is view or was == view:
            continue
        is_boxed = was.field is view.field and not isinstance(view.field.kind, Upload)
        if not is_boxed or (was.fault is None) is not (view.fault is None):  # which its box shows
            return None
        typed[field_id(view.field, "box")] = str(field_inside(view, _))
    return typed


FEATURE = Feature(
    parts=(Part(Chosen, chosen_part), Part(FormView, _form), Part(NodesView, _nodes), Part(MarkedModel, _marked)),
    regions={
        "form": Region(FormView, form, patch=_typed),
        "nodes": Region(NodesView, nodes),
        "marked": Region(MarkedModel, marked),
    },
    dialogs=(
        DialogKind(MaskDialog, _picture, masking),
        DialogKind(CameraDialog, _picture, camera),
        DialogKind(PresetsDialog, _presets, presets),
    ),
)
