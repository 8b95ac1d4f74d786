// The queue keeps still under the user: while the pointer has moved onto it, a row of it is dragged, a finger is on it, a menu of it is
// open or the keyboard's focus is in it, its rows keep their places and sizes (`app/ui/runs/queue.py`). Rows also open their sections here.

const QUEUE = "#now > .queue-panel, #waiting > .queue-panel";
const ROW = ".row[data-prompt-id]";
const TOUCH = 400; // milliseconds after a finger is lifted, until its click has come

const ROWS = "#now .row, #waiting .row";

let act = () => {}; // `listenQueue` has the callback
let isOver = false;
let isDragged = false; // a browser says that the pointer has left when a drag begins
let isTouched = false;
let lifted = 0;
let held = ""; // what was reported last
let touched; // the row in which a finger went down
const heights = new Map(); // of the held rows, by id

const inQueue = (node) => node?.closest?.(QUEUE) ?? null;
const idOf = (row) => row.dataset.promptId;

function isWanted() {
  const focused = document.activeElement;
  const hasFocus = inQueue(focused) !== null && focused.matches(":focus-visible");
  return isOver || isDragged || isTouched || hasFocus || document.querySelector(`:is(${QUEUE}) .pop:popover-open`) !== null;
}

/** The queue is small on a page that has run nothing; after that it is as high as a run when it is empty, so that results keep
 *  their place from run to run, until no one looks at it. */
function steady() {
  const now = document.getElementById("now");
  if (document.querySelector(ROWS)) now.classList.add("is-steady");
  else if (document.hidden) now.classList.remove("is-steady");
}

/** The page was patched, or the user came or left: tell Python which rows to keep, and keep their heights. */
export function settleQueue() {
  steady();
  if (!isWanted()) {
    release();
    return;
  }
  const rows = [...document.querySelectorAll(`:is(${QUEUE}) ${ROW}`)];
  const top = document.querySelector("#line-top"); // above the rows of the line
  for (const row of top ? [top, ...rows] : rows) {
    if (!heights.has(row.id)) heights.set(row.id, row.offsetHeight);
    row.style.minHeight = `${heights.get(row.id)}px`; // a patch has removed it
  }
  const ids = (selector) => rows.filter((row) => row.matches(selector)).map(idOf).join(" ");
  const facts = { rows: ids("#now *"), large: ids(".is-large"), waiting: ids("#waiting *") };
  const text = JSON.stringify(facts);
  if (text === held) return;
  held = text;
  act("hold-queue", JSON.stringify({ rows: facts.rows, large: facts.large, waiting: facts.waiting }));
}

function release() {
  if (!held) return;
  held = "";
  heights.clear();
  for (const row of document.querySelectorAll(`#line-top, :is(${QUEUE}) ${ROW}`)) row.style.minHeight = "";
  act("release-queue", "{}");
}

/** The user makes the row larger or smaller. */
function forget(node) {
  const row = node.closest(ROW);
  if (!row || !inQueue(row)) return;
  row.style.minHeight = "";
  heights.set(row.id, 0);
}

/** Report with `callback(name, facts as JSON)` that the queue has to keep still, and that it need not any more. */
export function listenQueue(callback) {
  act = callback;
  const soon = () => queueMicrotask(settleQueue);
  // A pointer that rests while the queue comes under it, as after a click in a dialog, does not hold it.
  document.addEventListener("pointermove", ({ target, pointerType }) => {
    if (pointerType === "touch") return;
    const was = isOver;
    isOver = inQueue(target) !== null;
    if (isOver !== was) settleQueue();
  });
  document.documentElement.addEventListener("pointerleave", () => {
    isOver = false;
    settleQueue();
  });
  document.addEventListener("dragstart", ({ target }) => {
    isDragged = inQueue(target) !== null;
  });
  document.addEventListener("dragend", ({ clientX, clientY }) => {
    isDragged = false;
    isOver = inQueue(document.elementFromPoint(clientX, clientY)) !== null;
    settleQueue();
  });
  document.addEventListener("pointerdown", ({ target, pointerType }) => {
    if (pointerType !== "touch") return;
    touched = target.closest?.(ROW)?.id ?? "";
    isTouched = inQueue(target) !== null;
    clearTimeout(lifted);
    settleQueue();
  }, { capture: true, passive: true });
  for (const type of ["pointerup", "pointercancel"]) {
    document.addEventListener(type, ({ pointerType }) => {
      if (pointerType !== "touch") return;
      lifted = setTimeout(() => {
        isTouched = false;
        settleQueue();
      }, TOUCH);
    }, { capture: true, passive: true });
  }
  // A tap counts for the row in which the finger went down, and for no other that has come to its place.
  document.addEventListener("click", (event) => {
    if (event.pointerType !== "touch" || !inQueue(event.target)) return;
    if ((event.target.closest(ROW)?.id ?? "") === touched) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
  document.addEventListener("visibilitychange", steady);
  document.addEventListener("focusin", soon);
  document.addEventListener("focusout", soon);
  document.addEventListener("toggle", (event) => {
    if (event.target instanceof HTMLDetailsElement) forget(event.target);
    soon();
  }, true);
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-opens]");
  const section = opener && document.getElementById(opener.dataset.opens);
  if (!section) return;
  section.open = !section.open;
  if (section.open && opener.closest(".pop")) section.querySelector("summary").focus({ focusVisible: false });
});
