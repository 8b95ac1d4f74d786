// A picture without what was written into it: ComfyUI puts its whole workflow, prompts included, into every file that it saves.
// Pixels stay as they are, byte by byte. PNG, JPEG and WebP; null for anything else, and for what is not whole.

const PNG = [137, 80, 78, 71, 13, 10, 26, 10];
const PNG_KEPT = /^(IHDR|PLTE|IDAT|IEND|tRNS|gAMA|cHRM|sRGB|iCCP|sBIT|bKGD|pHYs|acTL|fcTL|fdAT|cICP|mDCV|cLLI)$/;
const WEBP_KEPT = /^(VP8 |VP8L|VP8X|ALPH|ANIM|ANMF|ICCP)$/;

/** The same picture without its texts; null if it is none that can be read. */
export async function bare(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const parts = pngParts(bytes) ?? jpegParts(bytes) ?? webpParts(bytes);
  return parts && new Blob(parts, { type: blob.type });
}

const name = (bytes, at) => String.fromCharCode(...bytes.subarray(at, at + 4));

function pngParts(bytes) {
  if (!PNG.every((byte, at) => bytes[at] === byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts = [bytes.subarray(0, 8)];
  for (let at = 8; at + 12 <= bytes.length;) {
    const next = at + 12 + view.getUint32(at);
    if (next > bytes.length) return null;
    const kind = name(bytes, at + 4);
    if (PNG_KEPT.test(kind)) parts.push(bytes.subarray(at, next));
    if (kind === "IEND") return parts;
    at = next;
  }
  return null;
}

function jpegParts(bytes) {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  const parts = [bytes.subarray(0, 2)];
  for (let at = 2; at + 4 <= bytes.length;) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1];
    if (marker === 0xda) return [...parts, bytes.subarray(at)]; // the pixels, up to the end
    const next = at + 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
    if (next > bytes.length) return null;
    // APP0 (JFIF), APP2 (colours) and APP14 (Adobe's transform) are needed to show it right
    const isText = marker === 0xfe || (marker >= 0xe0 && marker <= 0xef && ![0xe0, 0xe2, 0xee].includes(marker));
    if (!isText) parts.push(bytes.subarray(at, next));
    at = next;
  }
  return null;
}

function webpParts(bytes) {
  if (bytes.length < 20 || name(bytes, 0) !== "RIFF" || name(bytes, 8) !== "WEBP") return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks = [];
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true);
    const next = at + 8 + size + (size % 2);
    if (at + 8 + size > bytes.length) return null;
    if (WEBP_KEPT.test(name(bytes, at))) chunks.push(bytes.slice(at, Math.min(next, bytes.length)));
    at = next;
  }
  for (const chunk of chunks) if (name(chunk, 0) === "VP8X") chunk[8] &= ~0x0c; // it says no more that EXIF and XMP are there
  const head = bytes.slice(0, 12);
  new DataView(head.buffer).setUint32(4, 4 + chunks.reduce((sum, chunk) => sum + chunk.length, 0), true);
  return [head, ...chunks];
}
