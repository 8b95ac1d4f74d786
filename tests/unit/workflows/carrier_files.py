"""Files with a workflow in them: pictures by Pillow with ComfyUI's own calls, films and sounds laid out as ffmpeg does.

The layouts by hand were compared with files that PyAV 18 (ffmpeg 8) wrote through ComfyUI's calls.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

SIZE = (64, 48)
PROMPT: dict[str, Any] = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 18446744073709551615, "cfg": 7.5, "model": ["4", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": '模型 "é" 😀 {}.safetensors'}},
}
GRAPH: dict[str, Any] = {
    "nodes": [{"id": 3, "type": "KSampler", "pos": [0.5, 1e-7]}, {"id": 4, "type": "CheckpointLoaderSimple"}],
    "links": [[1, 4, 0, 3, 0, "MODEL"]],
    "version": 0.4,
    "extra": {"note": "日本 😀" * 60},
}
TEXTS = {"prompt": json.dumps(PROMPT), "workflow": json.dumps(GRAPH)}
COMMENT = {"comment": json.dumps({"prompt": json.dumps(PROMPT), "workflow": GRAPH})}  # as VideoHelperSuite does

Texts = dict[str, str]
Writer = Callable[[Texts], bytes]


def picture(shade: int = 40) -> Image.Image:
    """A small picture, not of one colour."""
    return Image.linear_gradient("L").resize(SIZE).point(lambda value: (value + shade) % 256).convert("RGB")


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(texts: Texts = TEXTS) -> bytes:
    """As SaveImage writes."""
    metadata = PngInfo()
    for key, text in texts.items():
        metadata.add_text(key, text)
    return _saved(picture(), "PNG", pnginfo=metadata, compress_level=4)


def packed_png(texts: Texts = TEXTS) -> bytes:
    """zTXt."""
    metadata = PngInfo()
    for key, text in texts.items():
        metadata.add_text(key, text, zip=True)
    return _saved(picture(), "PNG", pnginfo=metadata)


def international_png(texts: Texts = TEXTS, *, is_packed: bool = False) -> bytes:
    """iTXt, plain or packed."""
    metadata = PngInfo()
    for key, text in texts.items():
        metadata.add_itxt(key, text, "en", "übersetzt", zip=is_packed)
    return _saved(picture(), "PNG", pnginfo=metadata)


def animated_png(texts: Texts = TEXTS) -> bytes:
    """As SaveAnimatedPNG writes: chunks of ComfyUI's own, behind the picture."""
    metadata = PngInfo()
    for key, text in texts.items():
        metadata.add(b"comf", key.encode("latin-1") + b"\0" + text.encode("latin-1"), after_idat=True)
    more = [picture(90), picture(140)]
    return _saved(picture(), "PNG", pnginfo=metadata, save_all=True, duration=166, append_images=more)


def exif(texts: Texts) -> Image.Exif:
    """As SaveAnimatedWEBP fills it: the prompt in Model, the rest from Make downwards."""
    tags = picture().getexif()
    tag = 0x010F
    for key, text in texts.items():
        if key == "prompt":
            tags[0x0110] = f"{key}:{text}"
        else:
            tags[tag] = f"{key}:{text}"
            tag -= 1
    return tags


def webp(texts: Texts = TEXTS, *, frames: int = 1, **options: Any) -> bytes:
    """As SaveAnimatedWEBP writes, also with one frame."""
    more = [picture(50 * number) for number in range(1, frames)]
    extra = {"exif": exif(texts)} if texts else {}
    return _saved(picture(), "WEBP", save_all=True, duration=166, append_images=more, **extra, **options)


def jpeg(texts: Texts = TEXTS) -> bytes:
    """As nodes write that save JPEG with the same tags."""
    return jpeg_with(exif(texts))


def jpeg_with(tags: Image.Exif) -> bytes:
    """A JPEG with these tags."""
    return _saved(picture(), "JPEG", exif=tags)


def commented_jpeg(charset: bytes, encoding: str) -> bytes:
    """Both in one UserComment."""
    tags = Image.Exif()
    tags.get_ifd(0x8769)[0x9286] = charset + json.dumps({"prompt": PROMPT, "workflow": GRAPH}).encode(encoding)
    return jpeg_with(tags)


def described() -> Image.Exif:
    """Both in one ImageDescription."""
    tags = Image.Exif()
    tags[0x010E] = COMMENT["comment"]
    return tags


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG's chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(*chunks: bytes, width: int = 1, height: int = 1) -> bytes:
    """A PNG of these chunks, without a picture."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def box(kind: bytes, *inner: bytes) -> bytes:
    """A box of MP4."""
    body = b"".join(inner)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def long_box(kind: bytes, body: bytes) -> bytes:
    """A box whose length has 64 bits."""
    return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body


def _data(text: str) -> bytes:
    return box(b"data", struct.pack(">II", 1, 0), text.encode())


def _handler(kind: bytes) -> bytes:
    return box(b"hdlr", bytes(8), kind, bytes(13))


def named_meta(texts: Texts, version: bytes = bytes(4)) -> bytes:
    """With `use_metadata_tags`: keys by name, values by number."""
    keys = box(b"keys", struct.pack(">II", 0, len(texts)), *(box(b"mdta", key.encode()) for key in texts))
    items = [box(struct.pack(">I", number), _data(text)) for number, text in enumerate(texts.values(), 1)]
    return box(b"meta", version, _handler(b"mdta"), keys, box(b"ilst", *items))


def commented_meta(text: str) -> bytes:
    """Without: a comment of iTunes."""
    return box(b"meta", bytes(4), _handler(b"mdir"), box(b"ilst", box(b"\xa9cmt", _data(text))))


def track(width: int, height: int, version: int = 0) -> bytes:
    """A track that declares its size."""
    before = bytes([version]) + bytes(75 if version == 0 else 87)
    return box(b"trak", box(b"tkhd", before, struct.pack(">II", width << 16, height << 16)))


def mp4(texts: Texts = TEXTS, *, film: bytes = b"film" * 9) -> bytes:
    """As SaveVideo writes, with faststart."""
    moov = box(b"moov", track(0, 0), track(*SIZE), box(b"udta", named_meta(texts)))
    return box(b"ftyp", b"isom", bytes(4)) + moov + box(b"free") + box(b"mdat", film)


def mp4_at_end(texts: Texts = TEXTS) -> bytes:
    """Without faststart: the film first, its length in 64 bits."""
    moov = box(b"moov", track(*SIZE, version=1), box(b"udta", named_meta(texts)))
    return box(b"ftyp", b"isom", bytes(4)) + long_box(b"mdat", b"film" * 9) + moov


def mov(texts: Texts = TEXTS) -> bytes:
    """QuickTime: meta without a version, straight in moov; a list ended by a zero."""
    ended = box(b"udta", box(b"\xa9swr", struct.pack(">HH", 4, 0), b"Lavf"), bytes(4))
    return box(b"wide") + box(b"mdat", b"film") + box(b"moov", track(*SIZE), ended, named_meta(texts, version=b""))


def commented_mp4() -> bytes:
    """As VideoHelperSuite writes."""
    moov = box(b"moov", track(*SIZE), box(b"udta", commented_meta(COMMENT["comment"])))
    return box(b"ftyp", b"isom", bytes(4)) + box(b"mdat", b"film") + moov


def commented_mov() -> bytes:
    """QuickTime's own string."""
    text = COMMENT["comment"].encode()
    own = box(b"\xa9cmt", struct.pack(">HH", len(text), 0), text)
    return box(b"ftyp", b"qt  ", bytes(4)) + box(b"moov", track(*SIZE), box(b"udta", own)) + box(b"mdat", b"film")


def element(number: int, *inner: bytes, is_endless: bool = False) -> bytes:
    """An element of EBML; its length in eight bytes, as ffmpeg writes it when it does not know it yet."""
    body = b"".join(inner)
    name = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return name + (b"\x01" + b"\xff" * 7 if is_endless else (1 << 56 | len(body)).to_bytes(8, "big")) + body


def _tag(key: str, text: str) -> bytes:
    return element(0x67C8, element(0x45A3, key.encode()), element(0x4487, text.encode()))


def webm(texts: Texts = TEXTS, *, is_live: bool = False, film: bytes = b"film") -> bytes:
    """As SaveWEBM writes: names in capitals, tags before the film; or a live recording, and the tags behind it."""
    width, height = ((number).to_bytes(2, "big") for number in SIZE)
    video = element(0xE0, element(0xB0, width), element(0xBA, height))
    tracks = element(0x1654AE6B, element(0xAE, element(0xD7, b"\x01"), video))
    tags = element(
        0x1254C367, element(0x7373, element(0x63C0), *(_tag(key.upper(), text) for key, text in texts.items()))
    )
    cluster = element(0x1F43B675, element(0xE7, b"\0"), element(0xA3, b"\x81\0\0\x80", film), is_endless=is_live)
    inner = (tracks, cluster, cluster, tags) if is_live else (element(0xEC, bytes(40)), tracks, tags, cluster)
    return element(0x1A45DFA3, element(0x4282, b"webm")) + element(0x18538067, *inner, is_endless=is_live)


def comments(texts: Texts) -> bytes:
    """Vorbis comments."""
    pairs = [f"{key}={text}".encode() for key, text in texts.items()]
    listed = b"".join(struct.pack("<I", len(pair)) + pair for pair in pairs)
    return struct.pack("<I", 4) + b"Lavf" + struct.pack("<I", len(pairs)) + listed


def flac(texts: Texts = TEXTS) -> bytes:
    """As SaveAudio writes."""
    blocks = ((0, bytes(34)), (4, comments(texts)), (0x81, bytes(16)))
    return b"fLaC" + b"".join(struct.pack(">I", kind << 24 | len(body)) + body for kind, body in blocks) + b"\xff\xf8"


def _page(serial: int, number: int, lengths: bytes, body: bytes) -> bytes:
    return struct.pack("<4sBBqIIIB", b"OggS", 0, 0, 0, serial, number, 0, len(lengths)) + lengths + body


def ogg(texts: Texts = TEXTS, start: bytes = b"OpusTags") -> bytes:
    """As SaveAudioOpus writes: the comments over as many pages as they need, another stream between them."""
    packet = start + comments(texts)
    lengths = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    pages = [_page(7, 0, b"\x13", b"OpusHead" + bytes(11))]
    for first in range(0, len(lengths), 2):
        piece = packet[first * 255 : first * 255 + sum(lengths[first : first + 2])]
        pages += [_page(7, 1 + first, lengths[first : first + 2], piece), _page(9, first, b"\x03", b"???")]
    return b"".join([*pages, _page(7, 99, b"\x05", b"sound")])


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def mp3(texts: Texts = TEXTS, *, version: int = 4, encoding: int = 3, padding: int = 10) -> bytes:
    """As SaveAudioMP3 writes: TXXX frames, then some padding, then sound."""
    name, zero = [("latin-1", b"\0"), ("utf-16", b"\0\0"), ("utf-16-be", b"\0\0"), ("utf-8", b"\0")][encoding]
    frames = [b"TSSE" + struct.pack(">IH", 5, 0) + b"\x03Lavf"]
    for key, text in texts.items():
        body = bytes([encoding]) + key.encode(name) + zero + text.encode(name) + zero
        frames.append(
            b"TXXX" + (_synchsafe(len(body)) if version == 4 else struct.pack(">I", len(body))) + b"\0\0" + body
        )
    tag = b"".join(frames) + bytes(padding)
    return b"ID3" + bytes([version, 0, 0]) + _synchsafe(len(tag)) + tag + b"\xff\xfb\x90\x64" + bytes(20)


WRITERS: dict[str, Callable[[], bytes]] = {
    "png": png,
    "png-ztxt": packed_png,
    "png-itxt": international_png,
    "png-itxt-packed": lambda: international_png(is_packed=True),
    "apng": animated_png,
    "webp": webp,
    "webp-lossless": lambda: webp(lossless=True),
    "webp-profile": lambda: webp(icc_profile=b"odd"),
    "webp-animated": lambda: webp(frames=3),
    "jpeg": jpeg,
    "jpeg-ascii-comment": lambda: commented_jpeg(b"ASCII\0\0\0", "ascii"),
    "jpeg-unicode-comment": lambda: commented_jpeg(b"UNICODE\0", "utf-16-le"),
    "jpeg-big-endian-comment": lambda: commented_jpeg(b"UNICODE\0", "utf-16-be"),
    "jpeg-comment": lambda: _saved(picture(), "JPEG", comment=COMMENT["comment"]),
    "jpeg-description": lambda: jpeg_with(described()),
    "mp4": mp4,
    "mp4-moov-last": mp4_at_end,
    "mp4-comment": commented_mp4,
    "mov": mov,
    "mov-comment": commented_mov,
    "webm": webm,
    "webm-live": lambda: webm(is_live=True),
    "webm-comment": lambda: webm(COMMENT),
    "flac": flac,
    "opus": ogg,
    "vorbis": lambda: ogg(start=b"\x03vorbis"),
    "mp3": mp3,
    "mp3-v2.3-utf-16": lambda: mp3(version=3, encoding=1),
}
