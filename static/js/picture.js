// Pictures in the browser's own hands: their addresses, their sizes and their pixels. Python never sees a pixel.

import { alphaSize, readPng } from "./png.js";

export const MOST_PIXELS = 16384 * 16384; // app/workflows/bounds.py: ComfyUI's largest picture; nothing larger is decoded
export const MOST_PAINTED = 8192 * 6144; // app/workflows/bounds.py: pixels of a picture that can be painted on
const LOOK = 640; // pixels of the preview of a masked picture
export const TINT = [232, 30, 99];
const MASKED_SHARE = 0.6; // of the tint, where a small look shows the mask

const blobs = new Map(); // address -> Blob: the page's policy lets no script fetch an address of its own
const masked = new WeakMap(); // Blob -> a small picture with its mask

export function objectUrl(blob) {
  const url = URL.createObjectURL(blob);
  blobs.set(url, blob);
  return url;
}

export function revokeUrl(url) {
  blobs.delete(url);
  URL.revokeObjectURL(url);
}

export const blobOf = (url) => blobs.get(url);

/** `[width, height]` of a picture, decoded by the browser; `[0, 0]` if it is none. One that is too large is not decoded. */
export async function measure(blob) {
  const url = URL.createObjectURL(blob);
  try {
    const image = new Image();
    image.src = url;
    const isKnown = await new Promise((tell) => { image.onload = () => tell(true); image.onerror = () => tell(false); });
    if (isKnown && image.naturalWidth * image.naturalHeight > MOST_PIXELS) return [image.naturalWidth, image.naturalHeight];
    const bitmap = await createImageBitmap(blob);
    const size = [bitmap.width, bitmap.height];
    bitmap.close();
    return size;
  } catch {
    return [0, 0];
  } finally {
    URL.revokeObjectURL(url);
  }
}

export function newCanvas(width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  return canvas;
}

export const penOf = (canvas) => canvas.getContext("2d", { willReadFrequently: true });

/** `{width, height, data}` with RGBA as ComfyUI reads it: upright, and the colours as they stand in the file. */
export async function readPixels(blob) {
  const exact = await readPng(blob);
  if (exact) return exact;
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const pen = penOf(newCanvas(width, height));
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, data: pen.getImageData(0, 0, width, height).data };
}

/** A small picture with its mask visible, or null if nothing of it is transparent. */
export async function look(blob) {
  if (masked.has(blob)) return masked.get(blob);
  const size = await alphaSize(blob);
  if (!size || size.width * size.height > MOST_PAINTED) return null;
  const pixels = await readPng(blob);
  return pixels && drawLook(blob, pixels);
}

/** The same from pixels that are at hand; remembered for `look`. */
export async function drawLook(blob, { width, height, data }) {
  let isMasked = false;
  const scale = Math.min(1, LOOK / Math.max(width, height));
  const [wide, high] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  for (let at = 3; at < data.length && !isMasked; at += 4) isMasked = data[at] < 255;
  const small = isMasked ? await encode(tinted(data, width, height), wide, high) : null;
  masked.set(blob, small);
  return small;
}

function tinted(data, width, height) {
  const shown = new ImageData(width, height);
  for (let at = 0; at < data.length; at += 4) {
    const share = ((255 - data[at + 3]) / 255) * MASKED_SHARE;
    for (let channel = 0; channel < 3; channel += 1) {
      shown.data[at + channel] = data[at + channel] * (1 - share) + TINT[channel] * share;
    }
    shown.data[at + 3] = 255;
  }
  const canvas = newCanvas(width, height);
  penOf(canvas).putImageData(shown, 0, 0);
  return canvas;
}

function encode(canvas, width, height) {
  const small = newCanvas(width, height);
  const pen = small.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(canvas, 0, 0, width, height);
  return new Promise((tell) => small.toBlob(tell, "image/png"));
}
