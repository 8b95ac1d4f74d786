"""The form: its inputs, their nodes and long lists, and the dialogs about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.ui.form import drafts
from app.ui.form.arrange_actions import recall_layout
from app.ui.form.camera_html import camera
from app.ui.form.catalogues import FormCatalogues
from app.ui.form.commands import form_commands
from app.ui.form.context import Chosen, OpenWorkflows, chosen_part
from app.ui.form.controls import field_id
from app.ui.form.field_html import field_inside
from app.ui.form.form_html import form
from app.ui.form.mask import CameraDialog, CameraView, MaskDialog, MaskView, picture_view
from app.ui.form.mask_html import masking
from app.ui.form.model_picker import ModelPicker
from app.ui.form.models import MarkedModel
from app.ui.form.models_html import marked
from app.ui.form.nodes_html import nodes
from app.ui.form.picker import LibraryEntries
from app.ui.form.preset_actions import PresetActions
from app.ui.form.presets import PresetsDialog, PresetsView, presets_view
from app.ui.form.presets_html import presets
from app.ui.form.projection import form_view, found_keys, marked_model, nodes_view
from app.ui.form.recent_values import Recents
from app.ui.form.remote_choices import RemoteLists
from app.ui.form.state import FormState, FormView, GoneFiles, NodesView
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.feature import DialogKind, Feature, Life, PagePart, Region, Service, itself
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.services import Services
from app.ui.kit.state import UiState
from app.workflows.forms.kinds import MAX_SEED, Upload
from app.workflows.graph import Key


@dataclass(frozen=True, slots=True)
class ShownForm:
    """The form with the errors of files that no server has, and the inputs that its search finds."""

    state: FormState
    found: frozenset[Key] | None


def _shown(page: Projection) -> ShownForm:
    state, gone = page.ui.of(FormState), page.of(GoneFiles).faults
    shown = state.with_draft(replace(state.draft, faults={**gone, **state.draft.faults})) if gone else state
    return ShownForm(shown, found_keys(page.of(Chosen).shaped, state, page.word))


def _form(page: Projection) -> FormView:
    shown = page.of(ShownForm)
    return form_view(page.of(LibraryEntries), page.of(Chosen).shaped, shown.state, shown.found)


def _nodes(page: Projection) -> NodesView:
    shown = page.of(ShownForm)
    return nodes_view(page.of(Chosen).shaped, shown.state, shown.found)


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


def _presets_of(services: Services) -> PresetActions:
    ports = services.ports
    return PresetActions(
        ports.documents,
        services.page,
        services.screen,
        lambda: f"{ports.random_seed(MAX_SEED):016x}",
        services.of(Deletions),
    )


def _recents(services: Services) -> Recents:
    return Recents(services.ports.documents, services.page, services.screen, services.of(Deletions))


def _first_workflows(services: Services) -> OpenWorkflows:
    given = services.of(OpenWorkflows).workflows
    return OpenWorkflows(tuple(recall_layout(services.screen, item) for item in given))


def _remember(services: Services, before: UiState) -> None:
    """Save the typed values immediately."""
    was, form = before.of(FormState), services.page.ui.of(FormState)
    if (form.workflow_id, form.drafts) != (was.workflow_id, was.drafts):
        services.screen.remember(drafts.STORE_KEY, drafts.dump(form))


def _refresh(services: Services) -> Iterable[object]:
    services.of(FormCatalogues).refresh()
    return ()


def _fetch_lists(services: Services, view: PageView) -> None:
    services.of(RemoteLists).refresh((*view.of(FormView).fields, *view.of(NodesView).fields))


FEATURE = Feature(
    commands=(form_commands,),
    states=(_first_workflows,),
    services=(
        Service(FormCatalogues, lambda services: FormCatalogues(services.session, services.page)),
        Service(RemoteLists, lambda services: RemoteLists(services.session, services.page)),
        Service(Recents, _recents, itself),
        Service(PresetActions, _presets_of, itself),
        Service(
            ModelPicker,
            lambda services: ModelPicker(services.session.models, services.page, services.screen),
            itself,
        ),
    ),
    life=Life(
        load=lambda services: services.page.spawn(services.of(Recents).load()),
        follow_state=_remember,
        refresh=_refresh,
        follow_view=_fetch_lists,
    ),
    parts=(
        PagePart(Chosen, chosen_part),
        PagePart(ShownForm, _shown),
        PagePart(FormView, _form),
        PagePart(NodesView, _nodes),
        PagePart(MarkedModel, _marked),
    ),
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
