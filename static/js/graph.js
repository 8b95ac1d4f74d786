// The open graph: its drawing and its list are put in once, marked while the task runs, and panned by the user.
// Python makes the markup (app/ui/graph/graph.html); no pointer, wheel or key of panning and zooming gets there.

const CLOSEST = 3; // times full size
const READABLE = 0.42; // below it, texts in boxes are left out; below FAR, titles as well
const FAR = 0.17;
const MARGIN = 28; // pixels around what is fitted
const STEP = 70; // pixels an arrow key moves
const DRAG = 5; // pixels a pointer may move in a click
const GRID = 26;
const SIGNS = { finished: "M-5 0l3.5 3.5L5-4", cached: "M-7 0l3 3 5.5-6.5M1 3l5.5-6.5", failed: "M-4-4 4 4M4-4-4 4", running: "M-2.5-4.5 4.5 0l-7 4.5Z" };

const views = new Map(); // key -> {x, y, scale, isMoved}: the view of each graph, which outlives patches
const byId = (id) => document.getElementById(id);
const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
// A patch for another graph empties the stage before the next drawing is put in, and the watcher may look between.
const watcher = new ResizeObserver(() => { if (stage?.isConnected && svg()) view().isMoved ? keepCentre() : fit(); });

let stage = null; // what is shown now
let size = { width: 0, height: 0 };
let hasClicked = false; // the next choice was made in the drawing, so it is in sight

/** Insert what is made once, `{id: html}`; existing elements stay. */
export function place(parts) {
  for (const [id, html] of Object.entries(parts)) {
    const element = byId(id);
    if (element.keptHtml === html) continue;
    element.keptHtml = html;
    element.innerHTML = html;
    if (id === "graph-stage") begin(element);
    else filter();
  }
}

/** `{key, chosen, marks: {id: [mark, fraction]}}`; only what is different is touched. */
export function mark({ key, chosen, marks }) {
  const dialog = byId(`graph-${key}`);
  if (!dialog) return;
  const words = JSON.parse(dialog.dataset.words);
  for (const element of dialog.querySelectorAll(".box, .node-row")) {
    const id = element.dataset.nodeId;
    const [name, fraction] = marks[id] ?? ["", 0];
    const isBox = element.classList.contains("box");
    const isChosen = id === chosen;
    if ((element.dataset.mark ?? "") !== name) {
      element.dataset.mark = name;
      if (!isBox) element.querySelector(".node-mark").textContent = words[name] ?? "";
      else element.querySelector(".box-sign")?.setAttribute("d", SIGNS[name] ?? "");
    }
    if (element.classList.contains("is-chosen") !== isChosen) {
      element.classList.toggle("is-chosen", isChosen);
      if (!isBox) isChosen ? element.setAttribute("aria-current", "true") : element.removeAttribute("aria-current");
    }
    if (!isBox) continue;
    element.querySelector(".box-frame").setAttribute("tabindex", name === "failed" || isChosen ? "0" : "-1");
    element.querySelector(".box-bar").setAttribute("width", name === "running" ? element.dataset.width * fraction : 0);
  }
  choose(dialog, chosen);
}

function choose(dialog, chosen) {
  if (stage?.isConnected && stage.chosen === chosen) return;
  if (stage) stage.chosen = chosen;
  for (const line of dialog.querySelectorAll(".line")) {
    line.classList.toggle("is-near", chosen !== "" && (line.dataset.from === chosen || line.dataset.to === chosen));
  }
  const box = chosen && !hasClicked && dialog.querySelector(`.box[data-node-id="${CSS.escape(chosen)}"]`);
  hasClicked = false;
  if (box) reveal(box);
}

// The view

const svg = () => stage.querySelector(".drawing");

// Made here and not in begin(): a patch names the next graph before its drawing is put in, and the watcher may look between.
function view() {
  const key = stage.dataset.kept;
  if (!views.has(key)) views.set(key, { x: 0, y: 0, scale: 1, isMoved: false });
  return views.get(key);
}
const frame = () => svg().dataset.frame.split(" ").map(Number);

function begin(element) {
  if (stage) watcher.unobserve(stage);
  stage = element.querySelector(".drawing") ? element : null;
  if (!stage) return;
  listen(svg());
  size = { width: 0, height: 0 };
  watcher.observe(stage);
}

function show() {
  const { x, y, scale } = view();
  svg().querySelector(".plane").setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
  svg().classList.toggle("is-far", scale < READABLE);
  svg().classList.toggle("is-farther", scale < FAR);
  const coarser = 4 ** Math.max(0, Math.ceil(Math.log(14 / (GRID * scale)) / Math.log(4)));
  stage.style.setProperty("--grid", `${GRID * scale * coarser}px`);
  stage.style.setProperty("--grid-x", `${x}px`);
  stage.style.setProperty("--grid-y", `${y}px`);
}

function measure() {
  size = { width: stage.clientWidth, height: stage.clientHeight };
  return size;
}

function whole() {
  const [left, top, width, height] = frame();
  const room = measure();
  const scale = Math.min((room.width - 2 * MARGIN) / width, (room.height - 2 * MARGIN) / height, 1.2);
  const used = Math.max(scale, 0.005);
  return { scale: used, x: (room.width - width * used) / 2 - left * used, y: (room.height - height * used) / 2 - top * used };
}

function fit() {
  if (!stage.clientWidth || !stage.clientHeight) return; // not shown yet: the watcher calls later
  Object.assign(view(), whole(), { isMoved: false });
  show();
}

/** The stage has another size: its middle shows what it did. */
function keepCentre() {
  const before = size;
  const now = measure();
  if (before.width) Object.assign(view(), { x: view().x + (now.width - before.width) / 2, y: view().y + (now.height - before.height) / 2 });
  show();
}

function pan(x, y) {
  Object.assign(view(), { x: view().x + x, y: view().y + y, isMoved: true });
  show();
}

/** Zoom by a factor around a point of the stage. */
function zoom(factor, x = size.width / 2, y = size.height / 2) {
  const { scale, x: left, y: top } = view();
  const next = Math.min(CLOSEST, Math.max(Math.min(0.1, whole().scale * 0.7), scale * factor));
  Object.assign(view(), { scale: next, x: x - ((x - left) * next) / scale, y: y - ((y - top) * next) / scale, isMoved: true });
  show();
}

/** Bring a box into sight, if it is not, or is too small to be read. */
function reveal(box) {
  const at = box.getBoundingClientRect();
  const room = stage.getBoundingClientRect();
  const isIn = at.left >= room.left && at.right <= room.right && at.top >= room.top && at.bottom <= room.bottom;
  const { scale } = view();
  if (isIn && scale >= READABLE) return;
  const next = scale < READABLE ? 0.85 : scale;
  const { e, f } = box.transform.baseVal.consolidate().matrix;
  const { width, height } = box.querySelector(".box-body").getBBox();
  glide({ scale: next, x: room.width / 2 - (e + width / 2) * next, y: room.height / 2 - (f + height / 2) * next });
}

let gliding = 0;

function glide(goal) {
  const key = stage.dataset.kept;
  const from = { ...view() };
  const began = performance.now();
  cancelAnimationFrame(gliding);
  const move = (now) => {
    if (!stage?.isConnected || stage.dataset.kept !== key) return;
    const part = isCalm() ? 1 : Math.min(1, Math.max(0, (now - began) / 240));
    const eased = 1 - (1 - part) ** 3;
    const between = (name) => from[name] + (goal[name] - from[name]) * eased;
    Object.assign(view(), { x: between("x"), y: between("y"), scale: between("scale"), isMoved: true });
    show();
    if (part < 1) gliding = requestAnimationFrame(move);
  };
  move(began);
}

// Input

function listen(drawing) {
  const pointers = new Map();
  let began = null;
  let isDragging = false;
  const middle = () => {
    const all = [...pointers.values()];
    const x = all.reduce((sum, item) => sum + item.x, 0) / all.length;
    const y = all.reduce((sum, item) => sum + item.y, 0) / all.length;
    return { x, y, reach: all.length > 1 ? Math.hypot(all[0].x - all[1].x, all[0].y - all[1].y) : 0 };
  };
  const local = (event) => {
    const { left, top } = stage.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  drawing.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    if (event.button === 1) event.preventDefault(); // the browser's own scrolling with the middle button
    cancelAnimationFrame(gliding);
    pointers.set(event.pointerId, local(event));
    if (pointers.size === 1) [began, isDragging] = [local(event), false];
  });
  drawing.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    const here = local(event);
    if (!isDragging && pointers.size === 1 && Math.hypot(here.x - began.x, here.y - began.y) < DRAG) return;
    if (!isDragging || !drawing.hasPointerCapture(event.pointerId)) drawing.setPointerCapture(event.pointerId);
    const before = middle();
    isDragging = true;
    drawing.classList.add("is-dragging");
    pointers.set(event.pointerId, here);
    const after = middle();
    pan(after.x - before.x, after.y - before.y);
    if (before.reach && after.reach) zoom(after.reach / before.reach, after.x, after.y);
  });
  const end = (event) => {
    pointers.delete(event.pointerId);
    if (!pointers.size) drawing.classList.remove("is-dragging");
  };
  drawing.addEventListener("pointerup", end);
  drawing.addEventListener("pointercancel", end);
  drawing.addEventListener("click", (event) => {
    if (!isDragging) hasClicked = Boolean(event.target.closest(".box"));
    else event.stopPropagation(); // the end of a drag chooses nothing
    isDragging = false;
  }, true);
  drawing.addEventListener("wheel", (event) => {
    event.preventDefault();
    cancelAnimationFrame(gliding);
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const { x, y } = local(event);
    if (event.shiftKey) pan(-(event.deltaX || event.deltaY) * lines, 0);
    else zoom(Math.exp(-Math.max(-200, Math.min(200, event.deltaY * lines)) * (event.ctrlKey ? 0.01 : 0.002)), x, y);
  }, { passive: false });
  drawing.addEventListener("keydown", onKey);
}

const KEYS = {
  ArrowLeft: () => pan(STEP, 0), ArrowRight: () => pan(-STEP, 0), ArrowUp: () => pan(0, STEP), ArrowDown: () => pan(0, -STEP),
  "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: () => fit(),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const box = event.target.closest(".box");
  if (box && (event.key === "Enter" || event.key === " ")) box.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
}

const TOOLS = { in: () => zoom(1.4), out: () => zoom(1 / 1.4), fit };

document.addEventListener("click", (event) => {
  const tool = event.target.closest?.("[data-graph]");
  if (tool && stage?.isConnected) TOOLS[tool.dataset.graph]();
});

// The list

function filter() {
  const wanted = byId("graph-find")?.value.trim().toLocaleLowerCase() ?? "";
  const rows = [...(byId("graph-list")?.querySelectorAll("li") ?? [])];
  for (const row of rows) row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
  const none = byId("graph-list")?.querySelector(".graph-none");
  if (none) none.hidden = rows.some((row) => !row.hidden);
}

document.addEventListener("input", (event) => { if (event.target.id === "graph-find") filter(); });
