// PNG files as pixels and back, exactly. A canvas multiplies colours with alpha, so that a picture's colours are lost
// wherever it is transparent; under a mask they are needed.

const SIGNATURE = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]);
const CHANNELS = { 4: 2, 6: 4 }; // by colour type: grey with alpha, RGB with alpha
const HEAD = 33; // bytes up to the end of the first chunk
const BLOCK = 1 << 20; // bytes passed to the compressor per call

/** `{width, height}` if the file is a PNG whose pixels have an alpha channel, else null; reads a few bytes only. */
export async function alphaSize(blob) {
  const head = new DataView(await blob.slice(0, HEAD).arrayBuffer());
  const isPng = head.byteLength === HEAD && SIGNATURE.every((byte, place) => head.getUint8(place) === byte);
  if (!isPng || !CHANNELS[head.getUint8(25)]) return null;
  return { width: head.getUint32(16), height: head.getUint32(20) };
}

/** `{width, height, data}` with RGBA as it stands in the file; null for files that are written otherwise. */
export async function readPng(blob) {
  if (!(await alphaSize(blob))) return null;
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const view = new DataView(bytes.buffer);
  const [width, height, depth, type, isInterlaced] = [view.getUint32(16), view.getUint32(20), bytes[24], bytes[25], bytes[28]];
  if (isInterlaced || (depth !== 8 && depth !== 16)) return null;
  const packed = [];
  for (let at = 8; at + 12 <= bytes.length;) {
    const size = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (name === "eXIf") return null; // it may be turned, which browsers do better
    if (name === "IDAT") packed.push(bytes.subarray(at + 8, at + 8 + size));
    at += size + 12;
  }
  const step = (CHANNELS[type] * depth) / 8;
  const raw = await unpack(packed, (width * step + 1) * height);
  return raw && { width, height, data: spread(unfilter(raw, width * step, step), step, depth / 8) };
}

async function unpack(parts, size) {
  const raw = new Uint8Array(size);
  const reader = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  let filled = 0;
  try {
    while (filled < size) {
      const { done, value } = await reader.read();
      if (done) return null;
      raw.set(value.subarray(0, size - filled), filled);
      filled += value.length;
    }
  } catch {
    return null; // broken
  }
  reader.cancel().catch(() => {}); // whatever follows is none of the picture's
  return raw;
}

function paeth(left, up, corner) {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/** Rows without their filters, in place: `stride + 1` bytes become `stride`. */
function unfilter(raw, stride, step) {
  let above = new Uint8Array(stride);
  for (let from = 0, to = 0; from < raw.length; from += stride + 1, to += stride) {
    const filter = raw[from];
    const row = raw.subarray(to, to + stride);
    raw.copyWithin(to, from + 1, from + 1 + stride);
    if (filter) {
      for (let at = 0; at < stride; at += 1) {
        const left = at < step ? 0 : row[at - step];
        const corner = at < step ? 0 : above[at - step];
        row[at] += filter === 1 ? left : filter === 2 ? above[at] : filter === 3 ? (left + above[at]) >> 1 : paeth(left, above[at], corner);
      }
    }
    above = row;
  }
  return raw.subarray(0, (raw.length / (stride + 1)) * stride);
}

/** RGBA of eight bits: the higher byte of sixteen, grey three times. */
function spread(raw, step, width) {
  if (step === 4 && width === 1) return new Uint8ClampedArray(raw.buffer, raw.byteOffset, raw.length);
  const data = new Uint8ClampedArray((raw.length / step) * 4);
  const isGrey = step / width === 2;
  for (let from = 0, to = 0; from < raw.length; from += step, to += 4) {
    data[to] = raw[from];
    data[to + 1] = raw[from + (isGrey ? 0 : width)];
    data[to + 2] = raw[from + (isGrey ? 0 : 2 * width)];
    data[to + 3] = raw[from + step - width];
  }
  return data;
}

/** A PNG of RGBA pixels, every byte as it is. */
export async function writePng(width, height, data) {
  const stride = width * 4;
  const count = Math.max(1, Math.floor(BLOCK / (stride + 1)));
  let row = 0;
  const rows = new ReadableStream({
    pull(controller) {
      const until = Math.min(height, row + count);
      controller.enqueue(filtered(data, stride, row, until));
      row = until;
      if (row === height) controller.close();
    },
  });
  const body = await new Response(rows.pipeThrough(new CompressionStream("deflate"))).arrayBuffer();
  const head = new DataView(new ArrayBuffer(13));
  head.setUint32(0, width);
  head.setUint32(4, height);
  head.setUint16(8, 0x0806); // eight bits, RGB with alpha
  const parts = [SIGNATURE, ...chunk("IHDR", head.buffer), ...chunk("IDAT", body), ...chunk("IEND", new ArrayBuffer(0))];
  return new Blob(parts, { type: "image/png" });
}

/** Rows as the differences to what is foretold from the pixels around, which photos are packed best with. */
function filtered(data, stride, from, until) {
  const out = new Uint8Array((until - from) * (stride + 1));
  let to = 0;
  for (let row = from; row < until; row += 1) {
    out[to++] = 4;
    const start = row * stride;
    for (let at = 0; at < stride; at += 1) {
      const here = start + at;
      const up = row ? data[here - stride] : 0;
      const left = at < 4 ? 0 : data[here - 4];
      const corner = at < 4 || !row ? 0 : data[here - 4 - stride];
      out[to++] = data[here] - paeth(left, up, corner);
    }
  }
  return out;
}

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function chunk(name, body) {
  const named = new TextEncoder().encode(name);
  let sum = 0xffffffff;
  for (const part of [named, new Uint8Array(body)]) for (const byte of part) sum = CRC[(sum ^ byte) & 255] ^ (sum >>> 8);
  const [size, check] = [new DataView(new ArrayBuffer(4)), new DataView(new ArrayBuffer(4))];
  size.setUint32(0, body.byteLength);
  check.setUint32(0, ~sum >>> 0);
  return [size, named, body, check];
}
