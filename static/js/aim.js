// Whether a click was aimed at what it hits. A patch can put another control under the pointer: the rest of a double click belongs
// to what was there before, and presses nothing else. Enter that is held down presses once.

const POINTER = 800; // milliseconds in which a pointer that rests where it clicked still means what was there
const NEAR = 8; // pixels that a resting hand moves
const NEAR_TOUCH = 24; // between two taps of a finger on the same place
const CONTROLS = "button, a[href], [data-action], label, input, select, textarea, summary, dialog";

let last = null; // the last click of a pointer: {name, at, x, y}; `under` is what a patch has put there since, `since` then

/** What a click is for, as a text that stays the same when the control is drawn again; empty for no control. */
function nameOf(target) {
  const found = target?.closest?.(CONTROLS);
  const control = found?.control ?? found; // a click on a label is one on its field
  return control ? `${control.tagName} ${control.id} ${JSON.stringify(control.dataset)}` : "";
}

function isAimed({ detail, target, pointerType, clientX: x, clientY: y, timeStamp: at }) {
  if (detail === 0) return true; // a key
  const name = nameOf(target);
  const isResting = last && Math.hypot(x - last.x, y - last.y) <= (pointerType === "touch" ? NEAR_TOUCH : NEAR);
  if (isResting && name !== last.name && at - Math.max(last.at, last.since) < POINTER) return false;
  last = { name, at, x, y, under: name, since: at };
  return true;
}

function stop(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

addEventListener("click", (event) => { if (event.isTrusted && !isAimed(event)) stop(event); }, true);
addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.repeat && !event.target.matches?.("textarea, [contenteditable]")) stop(event);
}, true);
addEventListener("pointermove", (event) => {
  if (last && Math.hypot(event.clientX - last.x, event.clientY - last.y) > NEAR) last = null; // it is aimed anew
}, { capture: true, passive: true });

/** The page was patched. */
export function noteDrawn() {
  if (!last) return;
  const under = nameOf(document.elementFromPoint(last.x, last.y));
  if (under !== last.under) Object.assign(last, { under, since: performance.now() });
}
