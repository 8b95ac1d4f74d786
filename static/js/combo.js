// Text fields with thousands of choices: `<input role="combobox" data-options="id of a list">`.
// One list for all of them stands outside of the page's regions; a choice becomes a `change` of the field.

const MOST = 100; // shown together; further typing finds the rest
const read = new WeakMap(); // a list's element -> its choices

const list = document.createElement("ul");
list.className = "combo-list";
list.id = "combo-list";
list.setAttribute("role", "listbox");
list.hidden = true;
const hall = document.getElementById("main") ?? document.body; // in a landmark, as everything else
hall.append(list);

let field = null; // whose choices are shown
let active = -1;

// Windows servers spell models in folders with backslashes.
const plain = (text) => text.normalize("NFKC").toLowerCase().replaceAll("\\", "/");

/** The choices of a field: `{value, label, found}`, read once for each list. */
function choices(input) {
  const holder = document.getElementById(input.dataset.options);
  if (!holder) return [];
  const text = holder.textContent;
  if (read.get(holder)?.text !== text) {
    const all = JSON.parse(text).map((item) => (Array.isArray(item) ? item : [item, item]));
    read.set(holder, { text, all: all.map(([value, label]) => ({ value, label, found: plain(`${label} ${value}`) })) });
  }
  return read.get(holder).all;
}

/** Those with every word in them; those that begin with the first word come first. */
function matching(input, query) {
  const words = plain(query).split(/\s+/).filter(Boolean);
  const found = choices(input).filter((choice) => words.every((word) => choice.found.includes(word)));
  if (!words.length) return found;
  const begins = (choice) => choice.found.startsWith(words[0]);
  return [...found.filter(begins), ...found.filter((choice) => !begins(choice))];
}

function open(input, query) {
  const found = matching(input, query);
  if (!found.length) return close();
  field = input;
  const home = input.closest("dialog")?.querySelector("[data-kept=combo]") ?? hall; // what is outside of a dialog is inert
  if (list.parentElement !== home) home.append(list);
  const chosen = found.findIndex((choice) => choice.value === input.value);
  const from = Math.max(0, Math.min(chosen - MOST / 2, found.length - MOST));
  list.replaceChildren(...found.slice(from, from + MOST).map((choice, place) => {
    const item = document.createElement("li");
    item.id = `combo-${place}`;
    item.setAttribute("role", "option");
    item.dataset.value = choice.value;
    item.textContent = choice.label;
    return item;
  }));
  list.setAttribute("aria-label", input.labels[0]?.textContent ?? "");
  list.hidden = false;
  input.setAttribute("aria-expanded", "true");
  input.setAttribute("aria-controls", list.id);
  place();
  mark(chosen < 0 ? (query ? 0 : -1) : chosen - from);
}

function close() {
  field?.setAttribute("aria-expanded", "false");
  field?.removeAttribute("aria-activedescendant");
  field?.removeAttribute("aria-controls");
  field = null;
  list.hidden = true;
}

/** Under the field, or above it where there is more room. */
function place() {
  const box = field.getBoundingClientRect();
  const below = innerHeight - box.bottom - 12;
  const isBelow = below > 200 || below > box.top;
  list.style.left = `${box.left}px`;
  list.style.width = `${box.width}px`;
  list.style.maxHeight = `${Math.min(360, isBelow ? below : box.top - 12)}px`;
  list.style.top = isBelow ? `${box.bottom + 4}px` : "auto";
  list.style.bottom = isBelow ? "auto" : `${innerHeight - box.top + 4}px`;
}

function mark(index) {
  active = index;
  for (const [at, item] of [...list.children].entries()) item.setAttribute("aria-selected", String(at === index));
  const item = list.children[index];
  if (item) {
    field.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  } else {
    field.removeAttribute("aria-activedescendant");
  }
}

function choose(item) {
  const input = field;
  input.value = item.dataset.value;
  close();
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

const move = (by) => mark(Math.max(0, Math.min(list.children.length - 1, active + by)));
const isCombo = (node) => node instanceof HTMLInputElement && node.matches("[role=combobox][data-options]");

const KEYS = {
  ArrowDown: (input) => (field ? move(1) : open(input, "")),
  ArrowUp: (input) => (field ? move(-1) : open(input, "")),
  PageDown: () => field && move(10),
  PageUp: () => field && move(-10),
  Enter: () => field && list.children[active] && choose(list.children[active]),
  Escape: () => field && close(),
};

document.addEventListener("keydown", (event) => {
  if (!isCombo(event.target) || event.isComposing || event.ctrlKey || event.metaKey) return;
  const isOpen = Boolean(field);
  KEYS[event.key]?.(event.target);
  const isOurs = event.key in KEYS && (isOpen || event.key.startsWith("Arrow"));
  if (!isOurs) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

document.addEventListener("input", (event) => {
  if (isCombo(event.target)) open(event.target, event.target.value);
});

document.addEventListener("click", (event) => {
  const item = event.target.closest?.("#combo-list [role=option]");
  if (item && field) return choose(item);
  if (isCombo(event.target) && event.target !== field) open(event.target, "");
});

list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
document.addEventListener("focusout", (event) => { if (event.target === field) close(); });
document.addEventListener("scroll", (event) => { if (field && event.target !== list) place(); }, true);
addEventListener("resize", () => { if (field) close(); });
