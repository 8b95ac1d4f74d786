// The album: a grid of thousands of small pictures only the visible ones are elements. Python says which results there
// are and in which order; scrolling, the pictures and the arrow keys never reach it. Thumbnails are read from the store here.
// Each day has a heading (`days.js`). They lie beside the list, hidden from screen readers: what a cell is called names its day.
//
//   show({reset: true, words: {language, cell, favourite}})   // another language: drop all rows
//   show({rows: [[name, title, server, at, tone, kind, ending, hasSeed, label], …]})  // further results, which have numbers in this order from then on
//   show({order: [number, …]})                                 // what is wanted of them
//   show({picked: [name, …], favourites: [name, …]})
//
// A click or Enter becomes the action `album-open`, Space or a click with Ctrl `album-pick`; with Shift, all in between.
// F makes a favourite, C compares with the next. What lies over the pointed and the focused cell is a copy of `#cell-over`;
// without a pointer that hovers, each cell in sight has one.

import { inNextTask, untilStill } from "./calm.js";
import { DayRows, daysOf } from "./days.js";
import { formatClock, formatDay, formatTime } from "./format.js";
import { getHeld, storeName } from "./kept.js";
import { nameButtons } from "./over.js";

const LEAST = 220; // CSS pixels of a cell's side, at least; two cells beside each other fit everywhere
const GAP = 8;
const HEAD = 2.5; // rem from a day's heading to its cells; the heading itself (album.css) is a little less high
const BETWEEN = 12; // CSS pixels above a heading, but the first
const AHEAD = 2; // rows beyond what is in sight
const AT_ONCE = 8; // new cells in one task
const CELL = "cell-"; // ahead of a result's name in an element's id
const KEPT = 600; // addresses of pictures that were in sight lately
const FIRST_WAIT = 1_000; // milliseconds until a missing picture is reread; each further wait is twice as long
const LONGEST_WAIT = 60_000;
const OF_PICTURES = ["use-as-input", "album-compare", "album-download-bare"]; // actions

let rows = []; // all known rows, by their number
let words = {};
let cells = []; // the rows that are wanted
let picked = new Set();
let favourites = new Set();
let days = []; // of the wanted cells
let layout = new DayRows([], 1, { step: 0, gap: 0, head: 0, between: 0 }); // where those lie
let headings = new Map(); // the place of a day → element
let headed = layout; // what the headings were made for
let midnight = 0; // milliseconds since the epoch; when today ends
let turning = 0; // the timer
let active = 0;
let lane = null; // the column that the arrow keys go up and down in
let marked = 0; // the active cell that the others are marked for
let isStale = true; // the cells in sight are marked for other facts
let anchor = 0;
let box = null; // the element of the grid
let shown = new Map(); // index → element
const overs = new Map(); // name → what lies over that cell
let pointed = ""; // the name of the cell under the pointer
let pointing = 0; // the timer
const canHover = matchMedia("(hover: hover)");
let size = LEAST;
let head = 0; // CSS pixels
let columns = 1;
let isDue = false;
let reader = null; // the worker
const asked = new Map(); // name → takes the address of its picture
let unsent = []; // names that the worker was not asked for yet
const pictures = new Map(); // name → address; the least lately seen first
const missing = new Map(); // name → {wait, timer} of a picture in sight that is not there yet

const sizes = new ResizeObserver(() => draw()); // also when a phone shows the results again, which have changed in the meantime

const act = (name, facts) => document.dispatchEvent(new CustomEvent("mooring-action", { detail: { name, facts } }));

/** Show other cells, or other ones as picked. */
export function show(change) {
  if (change.reset) {
    [rows, cells, picked, favourites, words] = [[], [], new Set(), new Set(), change.words];
    clear();
  }
  if (change.rows) {
    rows.push(...change.rows);
    retry(new Set(change.rows.map(([name]) => name)));
    if (Object.keys(change).length === 1) return; // their order comes later
  }
  if (change.order) {
    const name = cells[active]?.[0];
    cells = change.order.map((number) => rows[number]);
    active = cells.findIndex((cell) => cell[0] === name);
    if (active < 0) active = 0;
    days = daysOf(cells.map((cell) => cell[ENDED]));
    rearrange();
  }
  if (change.picked) picked = new Set(change.picked);
  if (change.favourites) favourites = new Set(change.favourites);
  isStale = true;
  draw();
}

/** The page was patched: the grid's element is there, is another one, or is gone. */
export function settle() {
  const found = document.getElementById("album-grid");
  if (found === box) return;
  clear();
  if (box) forget();
  box = found;
  sizes.disconnect();
  clearTimeout(turning);
  if (!box) return;
  sizes.observe(box);
  awaitMidnight();
  drawInFrame();
}

function clear() {
  for (const { timer } of missing.values()) clearTimeout(timer);
  missing.clear();
  for (const element of shown.values()) element.remove();
  shown.clear();
  for (const element of overs.values()) element.remove();
  overs.clear();
  clearHeadings();
}

function clearHeadings() {
  for (const element of headings.values()) element.remove();
  headings.clear();
}

/** The same cells at other places: their pictures and the focus stay. */
function rearrange() {
  layOut();
  const places = new Map(cells.map(([name], index) => [name, index]));
  const kept = [];
  for (const element of shown.values()) {
    const index = places.get(element.id.slice(CELL.length));
    if (index === undefined) element.remove();
    else kept.push([index, element]);
  }
  shown = new Map(kept.sort(([one], [other]) => one - other));
  let last = null;
  for (const [index, element] of shown) {
    if (last && !(last.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING)) last.after(element);
    put(index, element);
    last = element;
  }
}

function forget() {
  for (const url of pictures.values()) URL.revokeObjectURL(url);
  pictures.clear();
  [rows, cells, days] = [[], [], []];
  leaveReader();
}

function leaveReader() {
  reader?.terminate();
  reader = null;
  for (const take of asked.values()) take("");
  asked.clear();
}

/** Draw what is in sight by then: in a task of its own, since new cells with a frame's style, layout and paint were a long one. */
function draw(schedule = inNextTask) {
  if (isDue || !box) return;
  isDue = true;
  schedule(() => {
    isDue = false;
    if (box) place();
  });
}

/** Draw in the next frame, so that none shows an empty grid or cells of another size. */
const drawInFrame = () => draw(requestAnimationFrame);

function layOut() {
  layout = new DayRows(days, columns, { step: size + GAP, gap: GAP, head, between: BETWEEN });
}

function place() {
  const width = box.clientWidth;
  if (!width) return;
  if (Date.now() >= midnight) beginDay();
  const fitting = Math.max(2, Math.floor((width + GAP) / (LEAST + GAP)));
  const side = (width - GAP * (fitting - 1)) / fitting;
  const heading = HEAD * parseFloat(getComputedStyle(document.documentElement).fontSize);
  if (fitting !== columns || side !== size || heading !== head) {
    clear();
    [columns, size, head] = [fitting, side, heading];
    layOut();
  }
  box.style.height = `${layout.height}px`;
  const upper = -box.getBoundingClientRect().top;
  const lower = upper + innerHeight;
  const ahead = AHEAD * (size + GAP);
  const [firstInSight, lastInSight] = layout.within(upper, lower);
  const [first, last] = layout.within(upper - ahead, lower + ahead);
  for (const [index, element] of shown) {
    if ((index < first || index >= last) && index !== active) {
      element.remove();
      shown.delete(index);
    }
  }
  const wanted = new Set([...shown.keys(), ...(cells.length ? [active] : [])]);
  const isInSight = (index) => index >= firstInSight && index < lastInSight;
  const fresh = range(first, last).filter((index) => !wanted.has(index));
  const coming = [...fresh.filter(isInSight), ...fresh.filter((index) => !isInSight(index))];
  for (const index of coming.slice(0, AT_ONCE)) wanted.add(index);
  if (coming.length > AT_ONCE) draw();
  let next = null; // in reading order
  for (const index of [...wanted].sort((one, other) => other - one)) {
    if (!shown.has(index)) add(index, next);
    else if (isStale || marked !== active) mark(index, shown.get(index));
    next = shown.get(index);
  }
  shown = new Map([...shown].sort(([one], [other]) => one - other));
  [isStale, marked] = [false, active];
  layHeadings(upper - ahead, lower + ahead);
  layOver();
}

function layHeadings(upper, lower) {
  if (headed !== layout) clearHeadings();
  headed = layout;
  const [first, last] = layout.daysWithin(upper, lower);
  for (const [place, element] of headings) {
    if (place >= first && place < last) continue;
    element.remove();
    headings.delete(place);
  }
  let next = null; // in their order
  for (const place of range(first, last).reverse()) {
    if (!headings.has(place)) headings.set(place, addHeading(layout.days[place], next));
    next = headings.get(place);
  }
}

function addHeading({ at, top, height }, next) {
  const element = document.createElement("div"); // as high as its day, at whose end the name at the top of the page leaves
  element.className = "day";
  element.style.cssText = `top:${top}px;height:${height}px`;
  element.append(Object.assign(document.createElement("span"), { className: "day-name", textContent: formatDay(words.language, at) }));
  document.getElementById("album-days").insertBefore(element, next);
  return element;
}

/** Today has become yesterday: the days and times have other names. */
function beginDay() {
  clearHeadings();
  for (const row of rows) row.length = SPOKEN;
  isStale = true;
  for (const [name, element] of overs) {
    if (element.contains(document.activeElement)) continue;
    element.remove();
    overs.delete(name);
  }
  awaitMidnight();
}

function awaitMidnight() {
  const now = new Date();
  midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1).getTime();
  clearTimeout(turning);
  turning = setTimeout(draw, midnight - now.getTime());
}

const range = (first, last) => Array.from({ length: Math.max(0, last - first) }, (_, place) => first + place);

/** Lay the actions over the cells that need them; while results are picked, none does. */
function layOver() {
  const pattern = document.getElementById("cell-over");
  const focused = document.activeElement?.closest?.(".cell, .tile-over");
  const wanted = new Set([pointed, focused?.dataset.over ?? focused?.id.slice(CELL.length)]);
  const found = new Map();
  for (const [index, cell] of shown) {
    const [name] = cells[index];
    if (pattern && !picked.size && (!canHover.matches || wanted.has(name))) found.set(name, [index, cell]);
  }
  for (const [name, element] of overs) {
    if (found.has(name)) continue;
    if (element.contains(document.activeElement)) shown.get(active)?.focus({ preventScroll: true });
    element.remove();
    overs.delete(name);
  }
  for (const [name, [index, cell]] of found) {
    if (!overs.has(name)) overs.set(name, makeOver(pattern, cells[index]));
    const over = overs.get(name);
    over.style.cssText = cell.style.cssText;
    over.querySelector(".tile-star").setAttribute("aria-pressed", favourites.has(name));
    over.classList.toggle("is-plain", cell.matches(".cell:has(.cell-ending):not(:has(img))"));
  }
}

function makeOver(pattern, row) {
  const [name, title, server, , tone, , ending, hasSeed, label] = row;
  const over = pattern.cloneNode(true);
  over.removeAttribute("id");
  over.hidden = false;
  over.dataset.over = name;
  over.querySelector(".tile-name").textContent = title;
  const named = over.querySelector(".tile-server");
  named.className = `tile-server tone-${tone}`;
  named.lastElementChild.textContent = label || server;
  over.querySelector(".tile-when").textContent = formatTime(words.language, row[ENDED]); // its day is above
  if (ending) for (const action of OF_PICTURES) over.querySelector(`[data-action=${action}]`)?.remove();
  nameButtons(over, name);
  const list = over.querySelector(".menu");
  list.id += name;
  list.dataset.result = name;
  list.dataset.lacking = ["note-saved", hasSeed ? "run-again" : "run-variation", ...(ending ? OF_PICTURES : [])].join(" ");
  over.querySelector("[popovertarget]").setAttribute("popovertarget", list.id);
  document.getElementById("album-overs").append(over);
  return over;
}

function add(index, next) {
  const [name, title, , , tone, kind, ending] = cells[index];
  const element = document.createElement("div");
  element.className = `cell tone-${tone} is-${kind}`;
  element.id = `${CELL}${name}`;
  element.role = "option";
  put(index, element);
  const tick = document.createElement("span");
  tick.className = "cell-tick";
  if (ending) {
    const words = document.createElement("span");
    words.className = "cell-ending";
    words.append(ending, Object.assign(document.createElement("small"), { textContent: title }));
    element.append(words);
  }
  element.append(tick);
  box.insertBefore(element, next);
  shown.set(index, element);
  mark(index, element);
  fill(name, element);
}

/** Put the picture into its cell. A result is listed before its thumbnail is stored, and a read can fail: then the picture is reread
 *  later, or immediately when its row is resent because its bytes have arrived. */
async function fill(name, element) {
  clearTimeout(missing.get(name)?.timer);
  const url = await picture(name);
  if (!element.isConnected || element.querySelector("img")) return;
  if (!url) return wait(name, element);
  missing.delete(name);
  const image = document.createElement("img");
  image.alt = "";
  image.decoding = "async";
  image.draggable = false;
  image.src = url;
  image.onerror = () => {
    image.remove();
    if (pictures.get(name) === url) pictures.delete(name);
    if (element.isConnected) wait(name, element);
  };
  element.prepend(image);
}

function wait(name, element) {
  const before = missing.get(name);
  clearTimeout(before?.timer);
  const next = Math.min(LONGEST_WAIT, 2 * (before?.wait ?? FIRST_WAIT / 2));
  const retry = () => (element.isConnected ? fill(name, element) : missing.delete(name));
  missing.set(name, { wait: next, timer: setTimeout(retry, next) });
}

function retry(names) {
  for (const element of shown.values()) {
    const name = element.id.slice(CELL.length);
    if (!names.has(name) || element.querySelector("img")) continue;
    clearTimeout(missing.get(name)?.timer);
    missing.delete(name);
    fill(name, element);
  }
}

function put(index, element) {
  element.dataset.index = index;
  element.setAttribute("aria-posinset", index + 1);
  element.setAttribute("aria-setsize", cells.length);
  const [left, top] = layout.placeOf(index);
  element.style.cssText = `width:${size}px;height:${size}px;transform:translate(${left}px,${top}px)`;
}

function mark(index, element) {
  const name = cells[index][0];
  const isFavourite = favourites.has(name);
  const label = labelOf(cells[index]);
  element.setAttribute("aria-label", isFavourite ? format(words.favourite, { label }) : label);
  element.classList.toggle("is-favourite", isFavourite);
  element.setAttribute("aria-selected", picked.has(name));
  element.tabIndex = index === active ? 0 : -1;
}

const ENDED = 3; // where a row keeps when it ended
const SPOKEN = 9; // where a row keeps what it is called, once it was in sight
const timeOf = (row) => formatClock(words.language, row[ENDED]);
const labelOf = (row) => row[SPOKEN] ??= format(words.cell, { title: row[1], server: row[2], time: timeOf(row) });
const format = (text, facts) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name]);

// Pictures

async function picture(name) {
  if (pictures.has(name)) {
    const url = pictures.get(name);
    pictures.delete(name);
    pictures.set(name, url);
    return url;
  }
  const url = await read(name);
  if (!box || !url) return "";
  const known = pictures.get(name); // read twice at the same time
  if (known) return known;
  pictures.set(name, url);
  const inSight = new Set([...shown.keys()].map((index) => cells[index]?.[0]));
  for (const [old, address] of pictures) {
    if (pictures.size <= KEPT) break;
    if (inSight.has(old)) continue;
    release(address);
    pictures.delete(old);
  }
  return url;
}

function release(url) {
  URL.revokeObjectURL(url);
  reader?.postMessage({ release: url });
}

/** A new address of a picture; empty if it is not there. */
function read(name) {
  const held = getHeld("thumbnails", name) ?? getHeld("results", name);
  if (held?.blob.type.startsWith("image/")) return URL.createObjectURL(held.blob);
  if (!reader) {
    reader = new Worker(new URL("./pictures_worker.js", import.meta.url), { type: "module" });
    reader.onmessage = ({ data: { name, url } }) => {
      asked.get(name)?.(url);
      asked.delete(name);
    };
    reader.onerror = leaveReader; // its script has not come: the pictures are reread later
  }
  return new Promise((resolve) => {
    const before = asked.get(name);
    asked.set(name, (url) => [before, resolve].forEach((take) => take?.(url)));
    if (before) return;
    if (!unsent.length) queueMicrotask(send);
    unsent.push(name);
  });
}

/** All questions of a task are one message. */
function send() {
  reader?.postMessage({ names: unsent, store: storeName() });
  unsent = [];
}

// Input

document.addEventListener("pointerover", (event) => {
  if (!box || event.pointerType === "touch" || document.querySelector(".tile-over :popover-open")) return;
  const element = event.target.closest?.(".cell, .tile-over");
  const name = element?.dataset.over ?? element?.id.slice(CELL.length) ?? "";
  clearTimeout(pointing);
  if (name === pointed) return;
  pointing = setTimeout(() => { // not while cells scroll past the pointer
    pointed = name;
    draw();
  }, untilStill());
});

document.addEventListener("focusin", (event) => {
  if (box?.parentElement.contains(event.target)) draw();
});

const cellOf = (event) => (box?.contains(event.target) ? event.target.closest?.(".cell") : null);

document.addEventListener("click", (event) => {
  const element = cellOf(event);
  if (!element) return;
  lane = null;
  go(Number(element.dataset.index));
  if (event.shiftKey) return between(anchor, active);
  anchor = active;
  if (event.ctrlKey || event.metaKey || event.target.closest(".cell-tick") || picked.size) return pick();
  act("album-open", { name: cells[active][0] });
});

document.addEventListener("keydown", (event) => {
  const element = cellOf(event);
  if (!element || event.altKey) return;
  active = Number(element.dataset.index); // also when a script has focused it
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") {
    event.preventDefault();
    return act("album-pick-all", {});
  }
  if (event.ctrlKey || event.metaKey) return;
  const target = targetOf(event.key);
  if (target !== null) {
    event.preventDefault();
    go(target);
    if (event.shiftKey) between(anchor, active);
    else anchor = active;
  } else if (event.key === "Enter") act("album-open", { name: cells[active][0] });
  else if (event.key === " ") {
    event.preventDefault();
    anchor = active;
    pick();
  } else if (event.key === "Delete") act("album-ask-delete", { name: cells[active][0] });
  else if (event.key === "f") act("album-favourite", { name: cells[active][0] });
  else if (event.key === "c") act("album-compare", { name: cells[active][0] });
});

/** Where a key goes from the active cell, or null. Up and down keep to a column, also past a day whose last row is short. */
function targetOf(key) {
  const sideways = { ArrowRight: active + 1, ArrowLeft: active - 1, Home: 0, End: cells.length - 1 };
  if (key in sideways) {
    lane = null;
    return sideways[key];
  }
  const down = { ArrowDown: 1, PageDown: 1, ArrowUp: -1, PageUp: -1 }[key];
  if (!down) return null;
  lane ??= layout.columnOf(active);
  if (key.startsWith("Arrow")) return layout.beside(active, lane, down);
  const [upper, lower] = free();
  return layout.away(active, lane, down * Math.max(0, lower - upper - size));
}

const pick = () => act("album-pick", { name: cells[active][0] });

function between(one, other) {
  const [first, last] = one < other ? [one, other] : [other, one];
  act("album-pick-these", { names: JSON.stringify(cells.slice(first, last + 1).map(([name]) => name)) });
}

/** The part of the page's height where a cell is not covered: the grid's margins for scrolling are what covers it. */
function free() {
  const { scrollMarginTop, scrollMarginBottom } = getComputedStyle(box);
  return [parseFloat(scrollMarginTop), innerHeight - parseFloat(scrollMarginBottom)];
}

/** Bring a cell into sight and give it the focus. */
function go(index) {
  active = Math.max(0, Math.min(cells.length - 1, index));
  const [upper, lower] = free();
  const top = box.getBoundingClientRect().top + layout.placeOf(active)[1];
  if (top < upper) scrollBy(0, top - upper);
  else if (top + size > lower) scrollBy(0, top + size - lower);
  place();
  shown.get(active)?.focus({ preventScroll: true });
}

addEventListener("scroll", () => draw(), { passive: true });
addEventListener("resize", drawInFrame, { passive: true });
