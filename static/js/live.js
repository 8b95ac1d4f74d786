// What the page says to screen readers. Every message goes through `say`, so that it is announced once: a region of the
// page that announced its own changes would repeat what a patch draws a second time, and be silent behind a dialog.
//
// Elements with `data-live` and an id are said when they appear or their text changes; `data-live="now"` interrupts,
// `data-live="change"` is not said when it appears, `data-live="once"` only then.

const PAUSE = 300; // milliseconds that a text has to stand: what is typed or read quickly is said once, or not at all
const KEPT = 6; // messages that a region keeps
const UNSAID = "[aria-hidden=true], [hidden], [popover], details, svg";
const drawn = new Map(); // id of a marked element -> its text on the page
const timers = new Map(); // id of a marked element -> the timer of its message
let isDue = false;

const byId = (id) => document.getElementById(id);

/** Announce a text: when the screen reader has finished, or immediately. */
export function say(words, way = "") {
  const region = byId(way === "now" ? "live-now" : "live");
  region.append(Object.assign(document.createElement("p"), { textContent: words }));
  while (region.childElementCount > KEPT) region.firstElementChild.remove();
}

/** The page was patched: say what is new in the marked elements. What is visible needs the page's style, so it is found in a task of
 *  its own: with the patch it was a long one. */
export function settleLive() {
  follow();
  if (isDue) return;
  isDue = true;
  setTimeout(find);
}

function find() {
  isDue = false;
  const marked = [...document.querySelectorAll("[data-live]")].filter((element) => element.checkVisibility());
  const seen = new Set(marked.map(({ id }) => id));
  for (const id of drawn.keys()) if (!seen.has(id)) drawn.delete(id);
  for (const element of marked) {
    const words = wordsOf(element);
    const before = drawn.get(element.id);
    if (before === words) continue;
    drawn.set(element.id, words);
    if (element.dataset.live === (before === undefined ? "change" : "once")) continue;
    clearTimeout(timers.get(element.id));
    timers.set(element.id, setTimeout(tell, PAUSE, element.id, words, element.dataset.live));
  }
}

function tell(id, words, way) {
  timers.delete(id);
  const text = drawn.get(id);
  if (text && (text === words || way === "once")) say(text, way); // a count may have risen by now
}

/** All outside of an open dialog is inert, and its regions are silent. */
function follow() {
  const speech = byId("speech");
  const home = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  if (speech.parentElement === home) return;
  for (const region of speech.children) region.replaceChildren(); // or it is all said a second time
  home.append(speech);
}

/** The text of an element, its blocks and buttons apart from each other. */
export function wordsOf(element) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_ALL, (node) =>
    node !== element && node.nodeType === Node.ELEMENT_NODE && (node.matches(UNSAID) || !node.checkVisibility()) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  const texts = [];
  while (walker.nextNode()) if (walker.currentNode.nodeType === Node.TEXT_NODE) texts.push(walker.currentNode.data.trim());
  return texts.filter(Boolean).join(" ");
}
