"""What the user does with files in the form: add, mask and remove them."""

from __future__ import annotations

import logging
import mimetypes
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from app.core.errors import BadInput, MooringError
from app.core.ports.blobs import Blob
from app.core.window import Restoring, Window
from app.session import Picked, Session
from app.ui.form import drafts
from app.ui.form.context import workflows_on
from app.ui.form.mask import CameraDialog, MaskDialog, base_of, is_masked_name, other_picture, uses_mask
from app.ui.form.open_workflow import OpenWorkflow, find_open
from app.ui.form.state import Draft, FormState, Picture
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.screen import Screen
from app.workflows.bounds import check_painted, check_pixels
from app.workflows.forms.fields import Field
from app.workflows.forms.kinds import Media, Upload
from app.workflows.graph import Key

log = logging.getLogger("mooring.ui")

# How the media types of each medium begin, and the cause of the error for any other file.
MEDIA_TYPES = {Media.PICTURE: "image/", Media.MASK: "image/", Media.VIDEO: "video/", Media.AUDIO: "audio/"}
MEDIA_FAULTS = {Media.VIDEO: "not-a-film", Media.AUDIO: "not-a-sound"}


class FileActions:
    """Actions on files in the form. `chosen` gives the chosen workflow with its form."""

    def __init__(
        self, keeper: Session, context: PageContext, screen: Screen, chosen: Callable[[], OpenWorkflow | None]
    ) -> None:
        self._keeper = keeper
        self._context = context
        self._screen = screen
        self._chosen = chosen
        self._urls: set[str] = set()  # addresses of files that are or were in a form

    @action("clear-picture")
    def clear(self, node: str, name: str) -> None:
        self._put(self._context.ui.of(FormState).workflow_id, (node, name), None)

    @action("open-camera")
    def open_camera(self, node: str, name: str) -> None:
        self._context.set_ui(replace(self._context.ui, dialog=CameraDialog((node, name))))

    def take_files(self, key: Key | None, files: Sequence[tuple[Blob, str]]) -> None:
        """Put dropped, pasted or chosen files into the target field, then into empty ones, then into the first.

        A file that no field accepts changes nothing, and the page says why.
        """
        form, chosen = self._context.ui.of(FormState), self._chosen()
        uploads = chosen.uploads if chosen else ()
        aimed = next((item for item in uploads if item.key == key), None)
        taken: set[Key] = set()
        for blob, name in files:
            media_type = type_of(blob, name)
            place = aimed or _place(uploads, media_type, form.draft, taken)
            aimed = None
            if place is None:
                self._context.set_ui(self._context.ui.with_error(BadInput(_no_place(uploads, media_type), name)))
                continue
            taken.add(place.key)
            draft = self._context.ui.of(FormState).draft
            set_slices(
                self._context,
                self._context.ui.of(FormState).with_draft(replace(draft, checking=draft.checking | {place.key})),
            )
            self._context.spawn(self._check(form.workflow_id, place, blob, name))

    async def recover(
        self, window: Restoring | Window | None, read_input: Callable[[str], Awaitable[Blob | None]]
    ) -> None:
        """Restore the form's files after a reload, as far as the store has them."""
        for found in tuple(drafts.stored_files(self._context.ui.of(FormState), window)):
            opened = find_open(workflows_on(self._context), found.workflow_id)
            field = opened.form.by_key.get(found.key) if opened else None
            if field is None or not isinstance(field.kind, Upload):
                continue  # the kind of that field is not known yet
            try:
                blob = await read_input(found.sha256)
            except MooringError as error:
                log.info("a file of the form cannot be read: %r", error)
                continue
            if blob is not None and found.key in self._context.ui.of(FormState).drafts[found.workflow_id].awaited:
                await self._check(found.workflow_id, field, blob, found.name, is_found=True)

    async def _check(self, workflow_id: str, field: Field, blob: Blob, name: str, *, is_found: bool = False) -> None:
        """Check the file before anything is sent: a valid one goes into its field, any other changes nothing.

        The error appears in the field if it is empty, and at the top of the page if the field keeps its file.
        """
        try:
            picture = await self._decode(field, blob, name)
        except BadInput as error:
            ui = self._context.ui
            draft = ui.of(FormState).drafts[workflow_id]
            draft = replace(draft, checking=draft.checking - {field.key})
            if field.key in draft.pictures:
                self._context.set_ui(ui.with_slices(ui.of(FormState).with_draft(draft, workflow_id)).with_error(error))
            else:
                awaited = {key: item for key, item in draft.awaited.items() if key != field.key}
                draft = replace(draft, awaited=awaited).with_fault(field.key, error)
                self._context.set_ui(ui.with_slices(ui.of(FormState).with_draft(draft, workflow_id)))
            return
        self._put(workflow_id, field.key, picture, is_found=is_found)
        await self._keep(workflow_id, picture)

    async def _keep(self, workflow_id: str, picture: Picture) -> None:
        """Store the file's bytes for a reload. A failure is only logged."""
        try:
            sha256 = await self._keeper.keep_input(picture.picked.blob)
        except MooringError as error:
            log.info("a file of the form cannot be stored for a reload: %r", error)
            return
        draft = self._context.ui.of(FormState).drafts[workflow_id]
        set_slices(
            self._context, self._context.ui.of(FormState).with_draft(draft.with_hash(picture, sha256), workflow_id)
        )

    async def _decode(self, field: Field, blob: Blob, name: str) -> Picture:
        """Return the file as the field shows it; BadInput if the field does not take it."""
        width, height = await check_file(self._screen, media_of(field), blob, name)
        if not width:
            return Picture(Picked(blob, name), self._screen.object_url(blob))
        look = await self._screen.masked_look(blob) if uses_mask(field) or is_masked_name(name) else None
        look_url = "" if look is None else self._screen.object_url(look)
        return Picture(Picked(blob, name), self._screen.object_url(blob), width, height, look_url)

    @action("paint-mask")
    def paint_mask(self, node: str, name: str) -> None:
        """Open the dialog for a mask, or show at the field why none can be painted."""
        ui, key = self._context.ui, (node, name)
        chosen = self._chosen()
        field = chosen.form.by_key.get(key) if chosen else None
        picture = base_of(field, ui.of(FormState).draft) if field is not None else None
        if picture is None:
            return
        try:
            check_painted(picture.width, picture.height, picture.picked.name)
        except BadInput as error:
            self._context.set_ui(
                ui.with_slices(ui.of(FormState).with_draft(ui.of(FormState).draft.with_fault(key, error)))
            )
            return
        self._context.set_ui(replace(ui, dialog=MaskDialog(key)))

    @action("same-picture")
    def use_same_picture(self, node: str, name: str) -> None:
        """Use another field's picture in this one too."""
        chosen, key = self._chosen(), (node, name)
        field = chosen.form.by_key.get(key) if chosen else None
        other = other_picture(field, self._context.ui.of(FormState).draft) if field is not None else None
        if other is not None:
            self.take_files(key, [(other.picked.blob, other.picked.name)])

    def _put(self, workflow_id: str, key: Key, picture: Picture | None, *, is_found: bool = False) -> None:
        form = self._context.ui.of(FormState)
        draft = (form.drafts.get(workflow_id) or Draft()).with_picture(key, picture, is_found=is_found)
        set_slices(self._context, form.with_draft(draft, workflow_id))
        standing = frozenset[str]().union(*(item.addresses for item in self._context.ui.of(FormState).drafts.values()))
        for url in self._urls - standing:  # no undo can restore them
            self._screen.revoke_url(url)
        self._urls = set(standing)


async def check_file(screen: Screen, media: Media, blob: Blob, name: str) -> tuple[int, int]:
    """Return the size of a picture, (0, 0) of any other file; BadInput if a field of this medium does not take it."""
    if not blob.size:
        raise BadInput("empty", name)
    if media not in (Media.PICTURE, Media.MASK):
        if not type_of(blob, name).startswith(MEDIA_TYPES.get(media, "")):
            raise BadInput(MEDIA_FAULTS[media], name)
        return 0, 0
    width, height = await screen.measure(blob)
    if not (width and height):
        raise BadInput("not-a-picture", name)
    check_pixels(width, height, name)
    return width, height


def _place(uploads: tuple[Field, ...], media_type: str, draft: Draft, taken: set[Key]) -> Field | None:
    """Return the fields for a file that was dropped beside them: those of its medium, or all if that is unknown."""
    fitting = [item for item in uploads if fits(item, media_type)] or list(() if media_type else uploads)
    left = [item for item in fitting if item.key not in taken]
    empty = [item for item in left if item.key not in draft.pictures]
    return next(iter(empty or (() if taken else left)), None)


def _no_place(uploads: tuple[Field, ...], media_type: str) -> str:
    """Return why no field accepts a file, as the cause of a BadInput."""
    if any(fits(item, media_type) for item in uploads):
        return "no-field-left"
    return "no-picture-field" if media_type.startswith("image/") else "no-file-field"


def fits(item: Field, media_type: str) -> bool:
    """Return whether a field may take a file of this type."""
    media = media_of(item)
    return media is Media.FILE or media_type.startswith(MEDIA_TYPES[media])


def media_of(item: Field) -> Media:
    """Return the medium that a field takes."""
    return item.kind.media if isinstance(item.kind, Upload) else Media.FILE


def type_of(blob: Blob, name: str) -> str:
    """Return the media type that the browser reports, else the one that the file's name suggests."""
    return blob.media_type or mimetypes.guess_type(name)[0] or ""
