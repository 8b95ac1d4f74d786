// Menus and lists of recent values: popovers that stand at their button, are walked through by arrows, and close on a
// choice. `popover` itself gives the focus back to the button; a recent value gives it to its field.

const isList = (node) => node instanceof HTMLElement && node.classList.contains("pop");
const owner = (list) => document.querySelector(`[popovertarget="${list.id}"]`);

const GAP = 4; // CSS pixels between a list and its button
const MOST = 480; // CSS pixels of a long list's height

/** Under its button where it fits, else above it. If it fits neither, the list of a small button covers the button where that shows
 *  it whole; any other is shortened where there is more room. Never over the header and the bars at the foot, nor wider than the page. */
function place(list) {
  const box = owner(list)?.getBoundingClientRect();
  if (!box) return;
  const covered = getComputedStyle(list); // its margins for scrolling: what the header and the bars at the foot take
  const [top, bottom] = [parseFloat(covered.scrollMarginTop), innerHeight - parseFloat(covered.scrollMarginBottom)];
  const above = box.top - GAP - top;
  const below = bottom - box.bottom - GAP;
  const height = Math.min(MOST, list.scrollHeight + list.offsetHeight - list.clientHeight);
  const isBelow = height <= below || below >= above;
  const isWide = box.width > 100; // its list begins where it begins; that of a small button ends where it ends
  const isOver = !isWide && height > Math.max(above, below) && height <= bottom - top;
  const left = isWide ? box.left : box.right - list.offsetWidth;
  list.style.maxHeight = `${Math.max(0, Math.min(MOST, isOver ? height : isBelow ? below : above))}px`;
  list.style.left = `${Math.max(8, Math.min(left, innerWidth - list.offsetWidth - 8))}px`;
  if (isOver) {
    list.style.top = `${isBelow ? bottom - height : top}px`;
    list.style.bottom = "auto";
  } else {
    list.style.top = isBelow ? `${box.bottom + GAP}px` : "auto";
    list.style.bottom = isBelow ? "auto" : `${innerHeight - box.top + GAP}px`;
  }
}

/** A search in a list is over when the list is closed. */
function clearSearch(list) {
  const search = list.querySelector("input[type=search]");
  if (!search?.value) return;
  search.value = "";
  search.dispatchEvent(new Event("input", { bubbles: true }));
}

const entries = (list) => [...list.querySelectorAll("button:enabled, a, input[type=file]")].filter((item) => item.checkVisibility());

function walk(list, from, step) {
  const items = entries(list);
  const at = items.indexOf(from);
  const first = step > 0 ? 0 : items.length - 1;
  items[at < 0 ? first : (at + step + items.length) % items.length]?.focus();
}

document.addEventListener("toggle", (event) => {
  if (!isList(event.target)) return;
  if (event.newState !== "open") return clearSearch(event.target);
  place(event.target);
  if (event.target.contains(document.activeElement)) return;
  (event.target.querySelector("[aria-current]") ?? entries(event.target)[0])?.focus();
}, true);

document.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const list = event.target.closest?.(".pop");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (list && step) {
    walk(list, event.target, step);
    event.preventDefault();
  } else if (list && event.key === "Enter" && event.target.type === "search") {
    list.querySelector("button[data-action]")?.click();
    event.preventDefault();
  } else if (!list && event.key === "ArrowDown" && event.altKey) {
    const own = event.target.matches?.("input, textarea") && document.getElementById(`${event.target.id}-recent`);
    if (!own) return;
    own.showPopover();
    event.preventDefault();
    event.stopPropagation(); // a field with choices would open those
  }
}, true);

document.addEventListener("click", (event) => {
  const chosen = event.target.closest?.(".menu button, .menu a, .menu label, [data-action=use-recent]");
  if (!chosen) return;
  chosen.closest(".pop")?.hidePopover();
  if (chosen.dataset.field) document.getElementById(chosen.dataset.field)?.focus();
});

function follow(event) {
  if (isList(event.target)) return;
  const open = document.querySelector(".pop:popover-open");
  if (open) place(open);
}
document.addEventListener("scroll", follow, true);
addEventListener("resize", follow);
