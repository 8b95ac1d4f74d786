// Draws previews, as a worker, or as a module of a page whose browser hands no canvas to a worker: the latest of each task, all in one
// round, so that the browser shows them in one frame. After each round it rests as long as that took, so that a slow machine leaves
// some out.
//
// In:  {"id": prompt_id, "canvas": OffscreenCanvas} hands over where its previews are drawn
//      {"id": prompt_id, "picture": {"blob": Blob} or {"data": ArrayBuffer, "offset": number}}, {"forget": prompt_id}
// Out: {"id": prompt_id, "size": "512 × 384"} when a picture of another size is drawn

const ROUND = 30; // milliseconds, at least: servers send some 30 pictures a second
const tasks = new Map(); // prompt_id → {context, next: picture, last: picture, size}
let isDrawing = false;

if (!globalThis.document) onmessage = ({ data }) => take(data, postMessage);

export function take({ id, canvas, picture, forget }, post) {
  if (forget) return tasks.delete(forget);
  if (!tasks.has(id)) tasks.set(id, { context: null, next: null, last: null, size: "" });
  const task = tasks.get(id);
  if (canvas) {
    task.context = canvas.getContext("bitmaprenderer");
    task.next ??= task.last;
  }
  if (picture) task.next = picture;
  if (!isDrawing) draw(post);
}

const due = () => [...tasks].filter(([, task]) => task.next && task.context);

async function draw(post) {
  isDrawing = true;
  for (let found = due(); found.length; found = due()) {
    const begun = performance.now();
    for (const [id, task] of found) await show(id, task, post);
    const took = performance.now() - begun;
    await new Promise((resolve) => setTimeout(resolve, Math.max(took, ROUND - took)));
  }
  isDrawing = false;
}

async function show(id, task, post) {
  [task.last, task.next] = [task.next, null];
  const bitmap = await createImageBitmap(blobOf(task.last)).catch(() => null); // not every preview is a picture
  if (!bitmap) return;
  const size = `${bitmap.width} × ${bitmap.height}`;
  task.context.transferFromImageBitmap(bitmap);
  if (size !== task.size) post({ id, size });
  task.size = size;
}

const blobOf = ({ blob, data, offset }) => blob ?? new Blob([new Uint8Array(data, offset)]);
