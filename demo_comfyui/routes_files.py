"""The routes of files: /upload/image, /upload/mask and /view, with the real server's renaming and its refusals."""

from __future__ import annotations

import asyncio
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from demo_comfyui.model.description import NO_ASSETS
from demo_comfyui.model.files import annotated, free_name, preview_format, view_headers
from demo_comfyui.model.versions import Version
from demo_comfyui.storage import Storage, asset_of

PREVIEW_QUALITY = 90


@dataclass(slots=True)
class FileRoutes:
    """Handlers over one server's folders."""

    storage: Storage
    version: Version
    assets: bool = False

    def table(self) -> list[web.RouteDef]:
        """The routes, without the /api twins."""
        return [
            web.post("/upload/image", self.upload_image),
            web.post("/upload/mask", self.upload_mask),
            web.get("/view", self.view),
        ]

    def asset_table(self) -> list[web.RouteDef]:
        """The routes of assets that are refused without `--enable-assets`; they exist below /api only."""
        is_refusing = self.version.has_assets and not self.assets
        return [web.get(path, _no_assets) for path in ("/api/assets", "/api/tags") if is_refusing]

    async def upload_image(self, request: web.Request) -> web.Response:
        """Save the file of field `image`; the answer has the name it received."""
        fields = await request.post()
        return await asyncio.to_thread(self._keep, fields, None)

    async def upload_mask(self, request: web.Request) -> web.Response:
        """Save the original named by `original_ref` with the alpha of the uploaded mask."""
        fields = await request.post()
        return await asyncio.to_thread(self._keep, fields, fields.get("original_ref", ""))

    def _keep(self, fields: Any, original_ref: Any) -> web.Response:
        upload = fields.get("image")
        kind = fields.get("type") or "input"
        root = self.storage.folder(kind)
        if not upload:
            return web.Response(status=400)
        if not isinstance(upload, web.FileField):
            raise TypeError("field `image` is no file")  # a 500, as in the real server
        subfolder = fields.get("subfolder", "")
        folder = os.path.join(root, os.path.normpath(self.storage.path(subfolder)))  # noqa: PTH118 - an absolute one must be refused
        if not self.storage.contains(root, os.path.join(folder, upload.filename)):  # noqa: PTH118
            return web.Response(status=400)
        Path(folder).mkdir(parents=True, exist_ok=True)
        data = upload.file.read()
        overwrite = fields.get("overwrite") in ("true", "1")
        name, is_there = upload.filename, False
        if not overwrite:
            name, is_there = free_name(name, lambda each: _is_equal(Path(folder) / each, data))
        if not is_there:
            if original_ref is None:
                (Path(folder) / name).write_bytes(data)
            else:
                self._write_masked(Path(folder) / name, json.loads(original_ref), data)
        answer = {"name": name, "subfolder": subfolder, "type": kind}
        if self.assets:
            tag = kind if kind in ("input", "output") else "input"
            answer["asset"] = {**asset_of(Path(folder) / name), "tags": [tag, "uploaded"]}
        return web.json_response(answer)

    def _write_masked(self, target: Path, reference: dict[str, Any], mask: bytes) -> None:
        """Write nothing if the original is missing or out of bounds, as the real server does with its 200."""
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        place = self.locate(reference["filename"], reference.get("type", "output"), reference.get("subfolder"))
        if not isinstance(place, Path) or not place.is_file():
            return
        with Image.open(place) as original:
            info = PngInfo()
            for key, value in getattr(original, "text", {}).items():
                info.add_text(key, value)
            picture = original.convert("RGBA")
        picture.putalpha(Image.open(io.BytesIO(mask)).convert("RGBA").getchannel("A"))
        picture.save(target, compress_level=4, pnginfo=info)

    def locate(self, filename: str, kind: str, subfolder: str | None) -> Path | int:
        """Return the path of a name, a type and a subfolder, or the status that refuses them."""
        bare, named = annotated(self.storage.path(filename))
        if not bare or bare[0] == "/" or ".." in bare:
            return 400
        try:
            root = self.storage.folder(named or kind)
        except KeyError:
            return 400
        folder = root
        if subfolder:
            joined = os.path.join(root, self.storage.path(subfolder))  # noqa: PTH118 - an absolute one must be refused
            if not self.storage.contains(root, joined):
                return 403
            folder = Path(joined)
        return folder / Path(bare).name

    async def view(self, request: web.Request) -> web.StreamResponse:
        """Return a file as it is, with Etag, ranges and 304; or re-encoded for `preview=` and `channel=rgb|a`."""
        query = request.rel_url.query
        if "filename" not in query:
            return web.Response(status=404)
        place = self.locate(query["filename"], query.get("type", "output"), query.get("subfolder"))
        if isinstance(place, int):
            return web.Response(status=place)
        if not place.is_file():
            return web.Response(status=404)
        headers = {"content-disposition": f'filename="{place.name}"'}
        channel = query.get("channel", "rgba")
        if "preview" in query:
            form, body = await asyncio.to_thread(_preview, place, query["preview"], query.get("channel", ""))
            return web.Response(body=body, content_type=f"image/{form}", headers=headers)
        if channel in ("rgb", "a"):
            body = await asyncio.to_thread(_channel, place, channel)
            return web.Response(body=body, content_type="image/png", headers=headers)
        headers = view_headers(place.name, self.version, request.headers.get("Sec-Fetch-Dest"))
        return web.FileResponse(place, headers=headers)


async def _no_assets(_: web.Request) -> web.Response:
    return web.json_response(NO_ASSETS, status=503)


def _is_equal(path: Path, data: bytes) -> bool | None:
    return path.read_bytes() == data if path.exists() else None


def _preview(path: Path, wish: str, channel: str) -> tuple[str, bytes]:
    from PIL import Image

    _, *_, quality = (wish.split(";") * 2)[: max(2, len(wish.split(";")))]
    form, buffer = preview_format(wish, channel), io.BytesIO()
    with Image.open(path) as picture:
        shown = picture.convert("RGB") if form == "jpeg" or channel == "rgb" else picture
        shown.save(buffer, form, quality=int(quality) if quality.isdigit() else PREVIEW_QUALITY)
    return form, buffer.getvalue()


def _channel(path: Path, channel: str) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(path) as picture:
        if channel == "rgb":
            shown = picture.convert("RGB")
        else:
            is_rgba = picture.mode == "RGBA"
            shown = Image.new("RGBA", picture.size)
            shown.putalpha(picture.getchannel("A") if is_rgba else Image.new("L", picture.size, 255))
        shown.save(buffer, "PNG")
    return buffer.getvalue()
