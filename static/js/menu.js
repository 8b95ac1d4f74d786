// Menus and lists of recent values: popovers that stand at their button, are walked through by arrows, and close on a
// choice. `popover` itself gives the focus back to the button; a recent value gives it to its field.

const isList = (node) => node instanceof HTMLElement && node.classList.contains("pop");
const owner = (list) => document.querySelector(`[popovertarget="${list.id}"]`);

/** Under its button, or above it where there is more room; never wider than the page. */
function place(list) {
  const box = owner(list)?.getBoundingClientRect();
  if (!box) return;
  const below = innerHeight - box.bottom - 12;
  const isBelow = below > 180 || below > box.top;
  list.style.maxHeight = `${Math.min(320, isBelow ? below : box.top - 12)}px`;
  list.style.left = `${Math.max(8, Math.min(box.right - list.offsetWidth, innerWidth - list.offsetWidth - 8))}px`;
  list.style.top = isBelow ? `${box.bottom + 4}px` : "auto";
  list.style.bottom = isBelow ? "auto" : `${innerHeight - box.top + 4}px`;
}

document.addEventListener("toggle", (event) => {
  if (isList(event.target) && event.newState === "open") place(event.target);
}, true);

document.addEventListener("keydown", (event) => {
  const list = event.target.closest?.(".pop");
  if (list) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const items = [...list.querySelectorAll("button:enabled, a, label")].filter((item) => item.checkVisibility());
    items[(items.indexOf(event.target) + step + items.length) % items.length].focus();
    event.preventDefault();
  } else if (event.key === "ArrowDown" && event.altKey && !event.isComposing) {
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

document.addEventListener("scroll", (event) => {
  if (isList(event.target)) return;
  const open = document.querySelector(".pop:popover-open");
  if (open) place(open);
}, true);
