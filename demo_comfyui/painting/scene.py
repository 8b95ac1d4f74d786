"""The landscape that the painter paints: sky, light, clouds, ridges in the haze, dunes or water."""

from __future__ import annotations

import random
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from demo_comfyui.painting.noise import Size, cloud, curve, lighten, ridge
from demo_comfyui.painting.palette import Color, Kind, Palette, mix

LAYERS = {Kind.HILLS: 5, Kind.PEAKS: 5, Kind.DUNES: 4, Kind.WATER: 3}


def compose(rng: random.Random, size: Size, palette: Palette, kind: Kind) -> Image.Image:
    """The whole scene, RGB."""
    height = size[1]
    horizon = round(height * rng.uniform(0.5, 0.62))
    picture = _gradient(size, palette.sky, horizon)
    if palette.is_night:
        picture = _aurora(rng, _stars(rng, picture, horizon), palette)
    picture = _clouds(rng, picture, palette)
    picture = _light(rng, picture, palette, horizon)
    for layer in range(LAYERS[kind]):
        depth = (layer + 1) / LAYERS[kind]
        picture = _layer(rng, picture, palette, kind, (depth, horizon))
    if kind is Kind.WATER:
        picture = _water(rng, picture, palette, round(height * 0.66))
    return _vignette(picture)


def _gradient(size: Size, stops: tuple[Color, ...], horizon: int) -> Image.Image:
    column = Image.new("RGB", (1, len(stops)))
    column.putdata(list(stops))
    height = size[1]
    sky = column.resize((1, max(2, horizon)), Image.Resampling.BICUBIC)
    whole = Image.new("RGB", (1, height), stops[-1])
    whole.paste(sky, (0, 0))
    return whole.resize(size)


def _stars(rng: random.Random, picture: Image.Image, horizon: int) -> Image.Image:
    mask = Image.new("L", picture.size)
    draw = ImageDraw.Draw(mask)
    unit = max(1.0, min(picture.size) / 512)
    for _ in range(220):
        x, y = rng.uniform(0, picture.width), rng.uniform(0, 1) ** 1.5 * horizon
        radius = unit * rng.choice((0.5, 0.5, 0.7, 1.1))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=rng.randrange(70, 255))
    return lighten(picture, (255, 250, 240), mask)


def _aurora(rng: random.Random, picture: Image.Image, palette: Palette) -> Image.Image:
    """Curtains: noise that is fine across and smooth upwards, faded to the top, bent by a curve."""
    width, height = picture.size
    folds = cloud(rng, (width, height), (9, 2), 3).point([max(0, value - 110) * 255 // 145 for value in range(256)])
    band = Image.new("L", (width, height))
    draw = ImageDraw.Draw(band)
    base = curve(rng, 0.45)
    level, reach = rng.uniform(0.24, 0.36), rng.uniform(0.22, 0.32)
    for x in range(0, width, 2):
        bottom = (level + base(x / width) * 0.09) * height
        draw.line((x, bottom, x, bottom - reach * height), fill=255, width=3)
    band = band.filter(ImageFilter.GaussianBlur(min(width, height) / 26))
    mask = ImageChops.multiply(folds, band).filter(ImageFilter.GaussianBlur(min(width, height) / 200))
    green, violet = (70, 255, 170), (150, 90, 255)
    lit = lighten(
        picture, mix(green, palette.light, rng.uniform(0, 0.25)), mask.point([v * 7 // 10 for v in range(256)])
    )
    shifted = ImageChops.offset(mask, 0, -height // 14)
    return lighten(lit, violet, shifted.point([v * 2 // 5 for v in range(256)]))


def _clouds(rng: random.Random, picture: Image.Image, palette: Palette) -> Image.Image:
    noise = cloud(rng, picture.size, (2, 5), 5)
    cut = rng.randrange(120, 165)
    strength = 90 if palette.is_night else 190
    mask = noise.point([min(strength, max(0, value - cut) * 3) for value in range(256)])
    tint = mix(palette.sky[-1], palette.light, 0.55) if not palette.is_night else palette.sky[3]
    return Image.composite(Image.new("RGB", picture.size, tint), picture, mask)


def _light(rng: random.Random, picture: Image.Image, palette: Palette, horizon: int) -> Image.Image:
    """A sun or a moon with its glow, at a place that divides the width well."""
    width, height = picture.size
    unit = min(width, height)
    x = width * rng.choice((0.28, 0.34, 0.66, 0.72))
    y = horizon * rng.uniform(0.32, 0.86)
    glow = ImageOps.invert(Image.radial_gradient("L"))
    for reach, strength in ((1.5, 0.55), (0.55, 0.55)):
        side = round(unit * reach)
        soft = glow.resize((side, side), Image.Resampling.BICUBIC)
        soft = soft.point([round((value / 255) ** 2.2 * 255 * strength) for value in range(256)])
        mask = Image.new("L", picture.size)
        mask.paste(soft, (round(x - side / 2), round(y - side / 2)))
        picture = lighten(picture, palette.light if reach < 1 else mix(palette.light, palette.sky[-1], 0.5), mask)
    radius = unit * rng.uniform(0.035, 0.06)
    disc = Image.new("L", picture.size)
    ImageDraw.Draw(disc).ellipse((x - radius, y - radius, x + radius, y + radius), fill=235)
    disc = disc.filter(ImageFilter.GaussianBlur(unit / 400))
    return Image.composite(Image.new("RGB", picture.size, palette.light), picture, disc)


def _layer(
    rng: random.Random, picture: Image.Image, palette: Palette, kind: Kind, place: tuple[float, int]
) -> Image.Image:
    """One ridge: darker and lower the nearer it is, with light on its rim and haze at its foot."""
    depth, horizon = place
    width, height = picture.size
    top = horizon + (height - horizon) * (depth - 0.34) * (0.62 if kind is not Kind.WATER else 0.26)
    swing = height * {Kind.HILLS: 0.055, Kind.PEAKS: 0.24 * (1.1 - depth), Kind.DUNES: 0.07, Kind.WATER: 0.06}[kind]
    line = [(x, top - swing * y) for x, y in _line(rng, kind, width)]
    mask = Image.new("L", picture.size)
    draw = ImageDraw.Draw(mask)
    draw.polygon([(0, height), *line, (width, height)], fill=255)
    if kind is not Kind.DUNES and depth > 0.55:
        _trees(rng, draw, line, height * 0.035 * depth)
    color = mix(palette.far, palette.near, depth**1.25)
    land = _land(rng, picture.size, color, kind)
    haze = mix(palette.sky[-1], palette.far, 0.35 + depth * 0.4)
    fade = Image.linear_gradient("L").resize((width, max(1, round(height * 0.34))))
    foot = Image.new("L", picture.size)
    foot.paste(fade.point([round(v * 0.62 * (1 - depth)) for v in range(256)]), (0, round(top - swing)))
    land = Image.composite(Image.new("RGB", picture.size, haze), land, foot)
    if kind is Kind.DUNES or (kind is Kind.PEAKS and depth < 0.7):
        land = _shade(rng, land, line, palette, kind)
    return Image.composite(land, picture, mask.filter(ImageFilter.GaussianBlur(height / 900)))


def _trees(rng: random.Random, draw: ImageDraw.ImageDraw, line: list[tuple[float, float]], tall: float) -> None:
    """Conifers in groves along the ridge."""
    grove = curve(rng, 0.7)
    for index, (x, y) in enumerate(line):
        density = grove(index / len(line) * 2)
        if density < rng.uniform(-0.4, 0.6):
            continue
        top = tall * rng.uniform(0.35, 0.7 + max(0.0, density) * 0.6)
        half = top * 0.2
        draw.polygon([(x - half, y + half), (x, y - top), (x + half, y + half)], fill=255)


def _line(rng: random.Random, kind: Kind, width: int) -> list[tuple[float, float]]:
    step = max(1, width // 256)
    xs = [*range(0, width, step), width]
    if kind is Kind.PEAKS:
        return list(zip(map(float, xs), ridge(rng, len(xs), 0.55), strict=True))
    at = curve(rng, {Kind.HILLS: 0.5, Kind.DUNES: 0.28, Kind.WATER: 0.62}[kind])
    return [(float(x), at(x / width)) for x in xs]


def _land(rng: random.Random, size: Size, color: Color, kind: Kind) -> Image.Image:
    """A plain of one colour with a fine grain: streaks on dunes, tufts elsewhere."""
    cells = (3, 24) if kind is Kind.DUNES else (14, 8)
    grain = cloud(rng, size, cells, 4).point([96 + value * 64 // 255 for value in range(256)])
    flat = Image.new("RGB", size, color)
    return ImageChops.overlay(flat, Image.merge("RGB", (grain, grain, grain)))


def _shade(
    rng: random.Random, land: Image.Image, line: list[tuple[float, float]], palette: Palette, kind: Kind
) -> Image.Image:
    """Light on the slopes that face it: wedges that fall from each part of the ridge to one side."""
    width, height = land.size
    mask = Image.new("L", land.size)
    draw = ImageDraw.Draw(mask)
    fall = height * (0.12 if kind is Kind.PEAKS else 0.3)
    lean = width * (0.03 if kind is Kind.PEAKS else 0.22)
    for (x1, y1), (x2, y2) in pairwise(line):
        if y2 > y1:  # falling to the right: in the light
            reach = fall * rng.uniform(0.5, 1.0)
            draw.polygon([(x1, y1), (x2, y2), (x2 + lean, y2 + reach), (x1 + lean, y1 + reach)], fill=120)
    mask = mask.filter(ImageFilter.GaussianBlur(height / 110))
    return Image.composite(Image.new("RGB", land.size, mix(palette.far, palette.light, 0.45)), land, mask)


def _water(rng: random.Random, picture: Image.Image, palette: Palette, line: int) -> Image.Image:
    """The scene above mirrored below the line, darkened and broken into ripples."""
    width, height = picture.size
    depth = height - line
    mirror = ImageOps.flip(picture.crop((0, max(0, line - depth), width, line))).resize((width, depth))
    mirror = mirror.filter(ImageFilter.GaussianBlur(height / 220))
    rippled = Image.new("RGB", (width, depth))
    wave = curve(rng, 0.8)
    for y in range(depth):
        swing = wave(y / depth * 9) * (1.5 + 9 * y / depth) * width / 512
        rippled.paste(ImageChops.offset(mirror.crop((0, y, width, y + 1)), round(swing), 0), (0, y))
    rippled = Image.blend(rippled, Image.new("RGB", rippled.size, palette.near), 0.22)
    glints = cloud(rng, rippled.size, (4, 40), 3).point([max(0, value - 186) * 2 for value in range(256)])
    rippled = lighten(rippled, mix(palette.light, palette.sky[-1], 0.4), glints)
    whole = picture.copy()
    whole.paste(rippled, (0, line))
    return whole


def _vignette(picture: Image.Image) -> Image.Image:
    edge = (
        Image.radial_gradient("L").resize(picture.size).point([max(0, value - 120) * 6 // 10 for value in range(256)])
    )
    return Image.composite(Image.new("RGB", picture.size, (8, 8, 18)), picture, edge)
