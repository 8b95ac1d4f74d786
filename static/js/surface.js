// A mask over a picture: what is painted, taken back and made of it. 255 is masked, as white is in a mask file; ComfyUI
// reads a mask from alpha, where it is the other way round.

import { TINT, drawLook, newCanvas, penOf } from "./picture.js";
import { writePng } from "./png.js";

const MOST_KEPT = 96 * 1024 * 1024; // bytes of steps to take back; the oldest go first, the last one never does

export class Surface {
  /** `source` is the file, `data` its RGBA. What is transparent in it is masked from the start, unless the mask `isApart`
   *  and becomes a file of its own. */
  constructor(source, { width, height, data }, isApart = false) {
    Object.assign(this, { source, file: source, width, height, isApart, done: [], undone: [], stroke: null });
    this.data = data;
    this.mask = new Uint8Array(width * height);
    this.wasMasked = false;
    const opaque = new ImageData(new Uint8ClampedArray(data), width, height);
    for (let at = 3, place = 0; at < data.length; at += 4, place += 1) {
      if (!isApart) this.mask[place] = 255 - data[at];
      this.wasMasked ||= data[at] < 255;
      opaque.data[at] = 255;
    }
    this.picture = newCanvas(width, height);
    penOf(this.picture).putImageData(opaque, 0, 0);
    this.paint = newCanvas(width, height);
    this.show(this.whole);
  }

  get whole() {
    return { x: 0, y: 0, width: this.width, height: this.height };
  }

  get isEmpty() {
    return this.mask.every((value) => value === 0);
  }

  // A stroke

  begin(x, y, size, isErasing) {
    this.stroke = { x, y, size, left: x, top: y, right: x, bottom: y };
    const pen = penOf(this.paint);
    pen.globalCompositeOperation = isErasing ? "destination-out" : "source-over";
    pen.fillStyle = pen.strokeStyle = `rgb(${TINT})`;
    [pen.lineWidth, pen.lineCap] = [size, "round"];
    pen.beginPath();
    pen.arc(x, y, size / 2, 0, 2 * Math.PI);
    pen.fill();
  }

  lead(x, y) {
    const { stroke } = this;
    const pen = penOf(this.paint);
    pen.beginPath();
    pen.moveTo(stroke.x, stroke.y);
    pen.lineTo(x, y);
    pen.stroke();
    Object.assign(stroke, { x, y, left: Math.min(stroke.left, x), top: Math.min(stroke.top, y), right: Math.max(stroke.right, x), bottom: Math.max(stroke.bottom, y) });
  }

  end() {
    const box = this.strokeBox();
    if (!box) return;
    const bytes = this.copy(box);
    const painted = penOf(this.paint).getImageData(box.x, box.y, box.width, box.height).data;
    this.write(box, bytes.map((_, place) => painted[4 * place + 3]));
    this.note({ ...box, bytes });
  }

  /** As if the stroke had not begun: a second finger has come down. */
  cancel() {
    const box = this.strokeBox();
    if (box) this.show(box);
  }

  strokeBox() {
    const { stroke } = this;
    this.stroke = null;
    penOf(this.paint).globalCompositeOperation = "source-over";
    if (!stroke) return null;
    const reach = stroke.size / 2 + 2;
    const within = (value, limit) => Math.min(limit, Math.max(0, value));
    const [x, y] = [within(Math.floor(stroke.left - reach), this.width), within(Math.floor(stroke.top - reach), this.height)];
    const [right, bottom] = [within(Math.ceil(stroke.right + reach), this.width), within(Math.ceil(stroke.bottom + reach), this.height)];
    return right > x && bottom > y ? { x, y, width: right - x, height: bottom - y } : null;
  }

  // All of it

  invert() {
    this.change((value) => 255 - value);
  }

  clear() {
    this.change(() => 0);
  }

  /** A mask file: white is masked, scaled to the picture. */
  load(bitmap) {
    const pen = penOf(newCanvas(this.width, this.height));
    pen.fillRect(0, 0, this.width, this.height);
    pen.drawImage(bitmap, 0, 0, this.width, this.height);
    const { data } = pen.getImageData(0, 0, this.width, this.height);
    this.change((_, place) => (77 * data[4 * place] + 150 * data[4 * place + 1] + 29 * data[4 * place + 2] + 128) >> 8);
  }

  /** Continue a mask that is a file of its own: what is transparent in it, or white if nothing is. */
  resume(file, { width, height, data }) {
    const isAlpha = data.some((value, at) => at % 4 === 3 && value < 255);
    const grey = new ImageData(width, height);
    for (let at = 0; at < data.length; at += 4) {
      for (let channel = 0; channel < 3; channel += 1) grey.data[at + channel] = isAlpha ? 255 - data[at + 3] : data[at + channel];
      grey.data[at + 3] = 255;
    }
    const canvas = newCanvas(width, height);
    penOf(canvas).putImageData(grey, 0, 0);
    this.load(canvas);
    [this.file, this.done] = [file, []];
  }

  change(made) {
    const bytes = this.mask;
    this.mask = bytes.map(made);
    this.show(this.whole);
    this.note({ ...this.whole, bytes });
  }

  // Steps: what stood in a part of the mask before

  note(step) {
    this.undone = [];
    this.done.push(step);
    let size = this.done.reduce((sum, item) => sum + item.bytes.length, 0);
    while (size > MOST_KEPT && this.done.length > 1) size -= this.done.shift().bytes.length;
  }

  undo() {
    this.swap(this.done, this.undone);
  }

  redo() {
    this.swap(this.undone, this.done);
  }

  swap(from, to) {
    const step = from.pop();
    if (!step) return;
    const bytes = this.copy(step);
    this.write(step, step.bytes);
    this.show(step);
    to.push({ ...step, bytes });
  }

  copy({ x, y, width, height }) {
    const bytes = new Uint8Array(width * height);
    for (let row = 0; row < height; row += 1) {
      const from = (y + row) * this.width + x;
      bytes.set(this.mask.subarray(from, from + width), row * width);
    }
    return bytes;
  }

  write({ x, y, width, height }, bytes) {
    for (let row = 0; row < height; row += 1) this.mask.set(bytes.subarray(row * width, (row + 1) * width), (y + row) * this.width + x);
  }

  /** Draw a part of the mask as it is. */
  show({ x, y, width, height }) {
    const shown = new ImageData(width, height);
    let at = 0;
    for (let row = y; row < y + height; row += 1) {
      for (let place = row * this.width + x, until = place + width; place < until; place += 1, at += 4) {
        [shown.data[at], shown.data[at + 1], shown.data[at + 2]] = TINT;
        shown.data[at + 3] = this.mask[place];
      }
    }
    penOf(this.paint).putImageData(shown, x, y);
  }

  /** The picture with the mask as its alpha; the file as it was picked if nothing is masked. A mask apart is the same in
   *  every channel that a node may read: white is masked, and so is what is transparent. */
  async made(name) {
    if (this.isEmpty && !this.wasMasked && !this.isApart) return (this.file = this.source);
    this.mask.forEach((value, place) => {
      if (this.isApart) this.data.fill(value, 4 * place, 4 * place + 3);
      this.data[4 * place + 3] = 255 - value;
    });
    const packed = await writePng(this.width, this.height, this.data);
    this.file = new File([packed], name, { type: "image/png" });
    await drawLook(this.file, this);
    return this.file;
  }
}
