"""Uploads, the pictures that nodes make of them, and how files are served."""

from __future__ import annotations

import io
import uuid

import pytest
from PIL import Image

from tests.contract.peer import Peer, Workflow, entry, post, save, submit


def png(size: tuple[int, int] = (40, 30), color: tuple[int, ...] = (200, 40, 40, 255)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGBA" if len(color) == 4 else "RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


RED, BLUE = png(), png(color=(20, 30, 220, 255))


def fresh(suffix: str = ".png") -> str:
    return f"contract-{uuid.uuid4().hex[:10]}{suffix}"


async def test_same_bytes_keep_the_name_and_others_get_a_number(peer: Peer) -> None:
    name = fresh()
    stem = name.removesuffix(".png")
    expected = [(RED, name), (RED, name), (BLUE, f"{stem} (1).png"), (RED, name), (BLUE, f"{stem} (1).png")]
    for data, expected_name in expected:
        answer = await peer.upload(name, data)
        assert answer.status == 200
        assert answer.json() == {"name": expected_name, "subfolder": "", "type": "input"}


@pytest.mark.parametrize(("overwrite", "replaced"), [("true", True), ("1", True), ("True", False), ("false", False)])
async def test_overwrite_takes_exactly_true_or_1(peer: Peer, overwrite: str, replaced: bool) -> None:
    name = fresh()
    await peer.upload(name, RED)
    answer = await peer.upload(name, BLUE, overwrite=overwrite)
    assert (answer.json()["name"] == name) is replaced
    view = await peer.request("GET", "/view", {"filename": name, "type": "input"})
    assert view.body == (BLUE if replaced else RED)


@pytest.mark.parametrize("kind", ["input", "temp", "output"])
async def test_upload_goes_into_the_named_folder(peer: Peer, kind: str) -> None:
    name = fresh()
    assert (await peer.upload(name, RED, type=kind)).json() == {"name": name, "subfolder": "", "type": kind}
    assert (await peer.request("GET", "/view", {"filename": name, "type": kind})).body == RED


async def test_upload_creates_its_subfolder(peer: Peer) -> None:
    name = fresh()
    subfolder = f"contract/{uuid.uuid4().hex[:6]} ü"
    answer = await peer.upload(name, RED, subfolder=subfolder)
    assert answer.json() == {"name": name, "subfolder": subfolder, "type": "input"}
    view = await peer.request("GET", "/view", {"filename": name, "type": "input", "subfolder": subfolder})
    assert view.body == RED


@pytest.mark.parametrize("subfolder", ["..", "../x", "/tmp"])
async def test_upload_outside_of_the_folder_is_refused(peer: Peer, subfolder: str) -> None:
    answer = await peer.upload(fresh(), RED, subfolder=subfolder)
    assert (answer.status, answer.body) == (400, b"")


async def test_upload_keeps_an_unusual_name(peer: Peer) -> None:
    name = f"näme {uuid.uuid4().hex[:6]} 日本 #?%.png"
    assert (await peer.upload(name, RED)).json()["name"] == name
    assert (await peer.request("GET", "/view", {"filename": name, "type": "input"})).body == RED


async def test_malformed_uploads(peer: Peer) -> None:
    assert (await peer.upload(fresh(), RED, type="bogus")).status == 500
    assert (await peer.upload(f"../{fresh()}", RED)).status == 400
    assert (await peer.upload(f"none-{uuid.uuid4().hex}/x.png", RED)).status == 500
    assert (await peer.upload("x" * 300 + ".png", RED)).status == 500
    assert (await peer.upload("", RED)).status == 500  # without a file name it is a text field
    form = {"Content-Type": "application/json"}
    assert (await peer.request("POST", "/upload/image", body=b"{}", headers=form)).status == 400


async def test_mask_becomes_the_alpha_of_the_original(peer: Peer) -> None:
    original, masked = fresh(), fresh()
    await peer.upload(original, RED)
    mask = png(color=(0, 0, 0, 77))
    reference = f'{{"filename": "{original}", "type": "input", "subfolder": ""}}'
    answer = await peer.upload(masked, mask, "/upload/mask", original_ref=reference)
    assert answer.json() == {"name": masked, "subfolder": "", "type": "input"}
    view = await peer.request("GET", "/view", {"filename": masked, "type": "input"})
    assert Image.open(io.BytesIO(view.body)).getpixel((5, 5)) == (200, 40, 40, 77)


async def test_mask_without_its_original_is_200_and_no_file(peer: Peer) -> None:
    name = fresh()
    reference = '{"filename": "not-there.png", "type": "input", "subfolder": ""}'
    assert (await peer.upload(name, RED, "/upload/mask", original_ref=reference)).json()["name"] == name
    assert (await peer.request("GET", "/view", {"filename": name, "type": "input"})).status == 404
    assert (await peer.upload(fresh(), RED, "/upload/mask")).status == 500


# --- view


async def test_file_is_served_with_etag_and_ranges(peer: Peer) -> None:
    name = fresh()
    await peer.upload(name, RED)
    query = {"filename": name, "type": "input"}
    plain = await peer.request("GET", "/view", query)
    assert (plain.status, plain.body, plain.headers["content-type"]) == (200, RED, "image/png")
    assert plain.headers["content-disposition"] == f'filename="{name}"'
    assert plain.headers["accept-ranges"] == "bytes"
    assert "cache-control" not in plain.headers
    etag = {"If-None-Match": plain.headers["etag"]}
    assert (await peer.request("GET", "/view", query, headers=etag)).status == 304
    since = {"If-Modified-Since": plain.headers["last-modified"]}
    assert (await peer.request("GET", "/view", query, headers=since)).status == 304
    part = await peer.request("GET", "/view", query, headers={"Range": "bytes=2-5"})
    assert (part.status, part.body) == (206, RED[2:6])
    head = await peer.request("HEAD", "/view", query)
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"filename": "not-there.png"}, 404),
        ({"type": "input"}, 404),
        ({"filename": "x.png", "type": "bogus"}, 400),
        ({"filename": "../x.png"}, 400),
        ({"filename": "/etc/hostname"}, 400),
        ({"filename": ""}, 400),
        ({"filename": "x.png", "subfolder": "../.."}, 403),
        ({"filename": "x.png", "subfolder": "/tmp"}, 403),
    ],
)
async def test_invalid_views_are_refused(peer: Peer, query: dict[str, str], status: int) -> None:
    answer = await peer.request("GET", "/view", query)
    assert (answer.status, answer.body) == (status, b"")


async def test_name_may_end_with_its_folder(peer: Peer) -> None:
    name = fresh()
    await peer.upload(name, RED)
    assert (await peer.request("GET", "/view", {"filename": f"{name} [input]"})).body == RED


@pytest.mark.parametrize(
    ("query", "kind", "form", "mode"),
    [
        ({"preview": "webp;50"}, "image/webp", "WEBP", None),
        ({"preview": "jpeg;80"}, "image/jpeg", "JPEG", "RGB"),
        ({"preview": "jpeg"}, "image/jpeg", "JPEG", "RGB"),
        ({"preview": "png;90"}, "image/webp", "WEBP", None),
        ({"preview": "jpeg;80", "channel": "a"}, "image/webp", "WEBP", None),
        ({"channel": "rgb"}, "image/png", "PNG", "RGB"),
        ({"channel": "a"}, "image/png", "PNG", "RGBA"),
    ],
)
async def test_previews_and_channels_are_encoded_on_request(
    peer: Peer, query: dict[str, str], kind: str, form: str, mode: str | None
) -> None:
    name = fresh()
    await peer.upload(name, RED)
    answer = await peer.request("GET", "/view", {"filename": name, "type": "input", **query})
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    assert "etag" not in answer.headers
    picture = Image.open(io.BytesIO(answer.body))
    assert (picture.format, picture.size) == (form, (40, 30))
    assert mode in (None, picture.mode)


@pytest.mark.parametrize("suffix", [".svg", ".xml"])
async def test_files_that_may_carry_script_are_downloads_in_newer_versions(peer: Peer, suffix: str) -> None:
    name = fresh(suffix)
    await peer.upload(name, b"<svg/>")
    answer = await peer.request("GET", "/view", {"filename": name, "type": "input"})
    is_download = answer.headers["content-disposition"].startswith("attachment")
    assert is_download is peer.expected.hardens_views
    assert ("x-content-type-options" in answer.headers) is peer.expected.hardens_views
    assert (answer.headers["content-type"] == "application/octet-stream") is peer.expected.hardens_views


async def test_pages_are_served_as_downloads_and_texts_have_no_preview(peer: Peer) -> None:
    page, text = fresh(".html"), fresh(".txt")
    await peer.upload(page, b"<p>hello</p>")
    await peer.upload(text, b"hello world")
    answer = await peer.request("GET", "/view", {"filename": page, "type": "input"})
    assert answer.headers["content-type"] == "application/octet-stream"
    answer = await peer.request("GET", "/view", {"filename": text, "type": "input"})
    assert (answer.headers["content-type"], answer.body) == ("text/plain", b"hello world")
    answer = await peer.request("GET", "/view", {"filename": text, "type": "input", "preview": "webp"})
    assert answer.status == 500


# --- pictures


async def result(peer: Peer, workflow: Workflow) -> Image.Image:
    found = await entry(peer, await submit(peer, workflow))
    assert found["status"]["status_str"] == "success", found["status"]
    image = found["outputs"]["9"]["images"][0]
    answer = await peer.request("GET", "/view", image)
    picture = Image.open(io.BytesIO(answer.body))
    picture.load()
    return picture


def load(name: str) -> dict[str, object]:
    return {"class_type": "LoadImage", "inputs": {"image": name}}


async def test_uploaded_photo_becomes_a_picture(peer: Peer) -> None:
    name = (await peer.upload(fresh(), RED)).json()["name"]
    scale = {"image": ["1", 0], "upscale_method": "lanczos", "width": 80, "height": 0, "crop": "disabled"}
    workflow: Workflow = {
        "1": load(name),
        "2": {"class_type": "ImageScale", "inputs": scale},
        "3": {"class_type": "ImageBlur", "inputs": {"image": ["2", 0], "blur_radius": 3, "sigma": 1.0}},
        "9": save("3"),
    }
    extra = {"extra_pnginfo": {"workflow": {"nodes": []}}}
    found = await entry(peer, await submit(peer, workflow, extra_data=extra))
    answer = await peer.request("GET", "/view", found["outputs"]["9"]["images"][0])
    picture = Image.open(io.BytesIO(answer.body))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (80, 60))
    assert all(abs(a - b) <= 2 for a, b in zip(picture.getpixel((40, 30)), (200, 40, 40), strict=True))
    assert picture.text["prompt"].startswith('{"1": {"class_type": "LoadImage"')
    assert picture.text["workflow"] == '{"nodes": []}'


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}}, (55, 215, 215)),
        (
            {
                "class_type": "ImageBlend",
                "inputs": {"image1": ["1", 0], "image2": ["2", 0], "blend_factor": 0.5, "blend_mode": "normal"},
            },
            (110, 35, 130),
        ),
        (
            {
                "class_type": "ImageBlend",
                "inputs": {"image1": ["1", 0], "image2": ["2", 0], "blend_factor": 1, "blend_mode": "difference"},
            },
            (180, 10, 0),
        ),
        (
            {
                "class_type": "ImageBlend",
                "inputs": {"image1": ["1", 0], "image2": ["2", 0], "blend_factor": 1, "blend_mode": "screen"},
            },
            (204, 65, 226),
        ),
        (
            {
                "class_type": "ImageBlend",
                "inputs": {"image1": ["1", 0], "image2": ["2", 0], "blend_factor": 1, "blend_mode": "multiply"},
            },
            (16, 5, 35),
        ),
        (
            {
                "class_type": "ImageBlend",
                "inputs": {"image1": ["1", 0], "image2": ["2", 0], "blend_factor": 1, "blend_mode": "overlay"},
            },
            (154, 9, 69),
        ),
        (
            {
                "class_type": "ImageSharpen",
                "inputs": {"image": ["1", 0], "sharpen_radius": 2, "sigma": 1.0, "alpha": 0.5},
            },
            (200, 40, 40),
        ),
    ],
    ids=["invert", "normal", "difference", "screen", "multiply", "overlay", "sharpen"],
)
async def test_pictures_are_computed(peer: Peer, node: dict[str, object], expected: tuple[int, ...]) -> None:
    red = (await peer.upload(fresh(), RED)).json()["name"]
    blue = (await peer.upload(fresh(), BLUE)).json()["name"]
    picture = await result(peer, {"1": load(red), "2": load(blue), "3": node, "9": save("3")})
    found = picture.getpixel((20, 15))
    assert all(abs(a - b) <= 3 for a, b in zip(found, expected, strict=True)), found


@pytest.mark.parametrize(
    ("width", "height", "crop", "size"),
    [
        (0, 0, "disabled", (40, 30)),
        (0, 60, "disabled", (80, 60)),
        (20, 0, "center", (20, 15)),
        (33, 21, "center", (33, 21)),
    ],
)
async def test_side_of_zero_follows_the_other(
    peer: Peer, width: int, height: int, crop: str, size: tuple[int, int]
) -> None:
    name = (await peer.upload(fresh(), RED)).json()["name"]
    inputs = {"image": ["1", 0], "upscale_method": "area", "width": width, "height": height, "crop": crop}
    picture = await result(peer, {"1": load(name), "2": {"class_type": "ImageScale", "inputs": inputs}, "9": save("2")})
    assert picture.size == size


async def test_unknown_blend_mode_fails_before_or_in_the_run(peer: Peer) -> None:
    name = (await peer.upload(fresh(), RED)).json()["name"]
    inputs = {"image1": ["1", 0], "image2": ["1", 0], "blend_factor": 0.5, "blend_mode": "sparkle"}
    workflow: Workflow = {"1": load(name), "2": {"class_type": "ImageBlend", "inputs": inputs}, "9": save("2")}
    if peer.expected.checks_combos:
        answer = await post(peer, "/prompt", {"prompt": workflow})
        [error] = answer.json()["node_errors"]["2"]["errors"]
        assert (answer.status, error["type"]) == (400, "value_not_in_list")
        assert error["details"].startswith("blend_mode: 'sparkle' not in ['normal', ")
        return
    found = await entry(peer, await submit(peer, workflow))
    kind, data = found["status"]["messages"][-1]
    assert (kind, data["exception_type"]) == ("execution_error", "ValueError")
    assert data["exception_message"] == "Unsupported blend mode: sparkle\n"


async def test_replaced_input_is_not_cached(peer: Peer) -> None:
    name = (await peer.upload(fresh(), RED)).json()["name"]
    workflow: Workflow = {"1": load(name), "9": save("1")}
    assert (await result(peer, workflow)).getpixel((5, 5)) == (200, 40, 40)
    await peer.upload(name, BLUE, overwrite="true")
    assert (await result(peer, workflow)).getpixel((5, 5)) == (20, 30, 220)


async def test_load_image_reads_annotated_names_and_subfolders(peer: Peer) -> None:
    name = fresh()
    await peer.upload(name, BLUE, subfolder="contract-sub")
    assert (await result(peer, {"1": load(f"contract-sub/{name}"), "9": save("1")})).getpixel((5, 5)) == (20, 30, 220)
    await peer.upload(name, RED, type="output")
    assert (await result(peer, {"1": load(f"{name} [output]"), "9": save("1")})).getpixel((5, 5)) == (200, 40, 40)


async def test_object_info_lists_the_uploaded_pictures(peer: Peer) -> None:
    name, text = fresh(), fresh(".txt")
    await peer.upload(name, RED)
    await peer.upload(text, b"hello")
    info = (await peer.request("GET", "/object_info/LoadImage")).json()["LoadImage"]
    names = info["input"]["required"]["image"][0]
    assert name in names and text not in names
    assert names == sorted(names)
