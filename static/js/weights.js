// Ctrl+Up and Ctrl+Down in a prompt: the weight of the selection, of the parentheses around the caret, or of its word. What
// changes, and by how much, is as in ComfyUI's editor.

import { say } from "./live.js";

const STEP = 0.05;
const BETWEEN = new Set(" .,\\/!?%^*;:{}=-_`~()\r\n\t，。、；：！？（）《》「」|<>[]");
const WEIGHT = /^([^]*):([+-]?(?:\d*\.)?\d+(?:e[+-]?\d+)?)$/i;
const TIME = /(?:^|\s)\d{1,2}:\d{2}$/;

/** `[from, to]` of the innermost parentheses around a place, themselves included; null if there are none. */
function parenthesesAround(text, at) {
  const is = (place, sign) => text[place] === sign && text[place - 1] !== "\\";
  let [from, to] = [at, at];
  for (let depth = 0; ; from -= 1) {
    if (from <= 0) return null;
    if (is(from - 1, ")")) depth += 1;
    else if (is(from - 1, "(") && depth-- === 0) break;
  }
  for (let depth = 0; ; to += 1) {
    if (to >= text.length) return null;
    if (is(to, "(")) depth += 1;
    else if (is(to, ")") && depth-- === 0) break;
  }
  return [from - 1, to + 1];
}

function wordAround(text, at) {
  let [from, to] = [at, at];
  while (from > 0 && !BETWEEN.has(text[from - 1])) from -= 1;
  while (to < text.length && !BETWEEN.has(text[to])) to += 1;
  return from < to ? [from, to] : null;
}

function selected(text, from, to) {
  while (from < to && /\s/.test(text[from])) from += 1;
  while (to > from && /\s/.test(text[to - 1])) to -= 1;
  if (from === to) return null;
  return text[from - 1] === "(" && text[to] === ")" && text[from - 2] !== "\\" ? [from - 1, to + 1] : [from, to];
}

/** `{from, to, text}`: what replaces this part of the text; null if there is nothing at that place. */
export function weighed(text, start, end, by) {
  const range = start === end ? (parenthesesAround(text, start) ?? wordAround(text, start)) : selected(text, start, end);
  if (!range) return null;
  const part = text.slice(...range);
  const inner = part.startsWith("(") && part.endsWith(")") && !part.endsWith("\\)") ? part.slice(1, -1) : part;
  const found = inner !== part && !TIME.test(inner) ? WEIGHT.exec(inner) : null;
  const weight = Number(((found ? Number(found[2]) : 1) + by).toFixed(10));
  const words = found ? found[1] : inner;
  return { from: range[0], to: range[1], text: weight === 1 ? words : `(${words}:${weight})` };
}

/** Replace a part of a field's text as typing would, so that Ctrl+Z takes it back. */
export function retype(field, from, to, text) {
  field.setSelectionRange(from, to);
  if (document.execCommand("insertText", false, text)) return; // there is no other way that the browser can undo
  field.setRangeText(text, from, to, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText", data: text }));
}

document.addEventListener("keydown", (event) => {
  const by = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
  const isComposing = event.isComposing || event.keyCode === 229; // Safari ends a composition before its last key
  const field = event.target;
  if (!by || isComposing || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || !field.matches?.("[data-complete]")) return;
  const change = weighed(field.value, field.selectionStart, field.selectionEnd, by);
  event.preventDefault();
  event.stopPropagation();
  if (!change) return;
  retype(field, change.from, change.to, change.text);
  field.setSelectionRange(change.from, change.from + change.text.length);
  say(change.text);
}, true);
