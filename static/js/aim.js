// Drop clicks that were not meant for the control that they hit. A patch can put another control under the pointer: the second click
// of a double click was meant for the earlier control and presses nothing else. Holding Enter down presses once.

const POINTER = 800; // milliseconds for which a click at the same place still means the earlier control
const FINGER = 300; // the same for a tap: later than in a double tap, a finger has seen what it taps, and may do so at the same place
const NEAR = 8; // pixels that a resting pointer may move
const NEAR_TOUCH = 24; // between two taps of a finger on the same place
const CONTROLS = "button, a[href], [data-action], label, input, select, textarea, summary, dialog";

let pressed = null; // where the pointer went down last
let last = null; // the last click of a pointer: {name, at, x, y}; `under` is the control there now, `since` when it was put there

/** Return a text that identifies the clicked control, also after a redraw; empty if there is none. */
function nameOf(target) {
  const found = target?.closest?.(CONTROLS);
  const control = found?.control ?? found; // a click on a label is one on its field
  return control ? `${control.tagName} ${control.id} ${JSON.stringify(control.dataset)}` : "";
}

function isAimed({ detail, target, pointerType, clientX: x, clientY: y, timeStamp: at }) {
  if (detail === 0) return true; // a key
  if (pressed && Math.hypot(x - pressed.x, y - pressed.y) > NEAR) { // the end of a drag, which was aimed at no control
    last = null;
    return true;
  }
  const name = nameOf(target);
  const [near, soon] = pointerType === "touch" ? [NEAR_TOUCH, FINGER] : [NEAR, POINTER];
  const isResting = last && Math.hypot(x - last.x, y - last.y) <= near;
  if (isResting && name !== last.name && at - Math.max(last.at, last.since) < soon) return false;
  const isControl = name && !name.startsWith("DIALOG"); // a click beside all controls was aimed at none of them
  last = isControl ? { name, at, x, y, under: name, since: at } : null;
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
addEventListener("pointerdown", ({ clientX: x, clientY: y }) => { pressed = { x, y }; }, { capture: true, passive: true });
addEventListener("pointermove", (event) => {
  if (last && Math.hypot(event.clientX - last.x, event.clientY - last.y) > NEAR) last = null; // the next click is aimed
}, { capture: true, passive: true });

/** Note that the page was patched. */
export function noteDrawn() {
  if (!last) return;
  const under = nameOf(document.elementFromPoint(last.x, last.y));
  if (under !== last.under) Object.assign(last, { under, since: performance.now() });
}
