// Rows that are dragged to another place: `<li draggable="true" data-drag="action">`. Where one is let go becomes that
// action, with the row's `promptId`, the row `beside` which it was let go, and whether it `isAfter` that one.
// Buttons do the same for those who do not drag.

const ROW = "[data-drag]";
const KIND = "application/x-mooring-row";
let dragged = null;

const clear = () => {
  for (const row of document.querySelectorAll(".is-drop-before, .is-drop-after")) row.classList.remove("is-drop-before", "is-drop-after");
};

/** The row under the pointer that takes the dragged one, and whether it is the half below. */
function aim(event) {
  const row = event.target.closest?.(ROW);
  if (!row || !dragged || row.dataset.promptId === dragged || !event.dataTransfer.types.includes(KIND)) return null;
  const box = row.getBoundingClientRect();
  return { row, isAfter: event.clientY > box.top + box.height / 2 };
}

document.addEventListener("dragstart", (event) => {
  const row = event.target.closest?.(ROW);
  if (!row) return;
  dragged = row.dataset.promptId;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData(KIND, dragged);
  row.classList.add("is-dragged");
});

document.addEventListener("dragover", (event) => {
  clear();
  const found = aim(event);
  if (!found) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "move";
  found.row.classList.add(found.isAfter ? "is-drop-after" : "is-drop-before");
});

document.addEventListener("drop", (event) => {
  const found = aim(event);
  clear();
  if (!found) return;
  event.preventDefault();
  const facts = { promptId: dragged, beside: found.row.dataset.promptId, isAfter: found.isAfter };
  document.dispatchEvent(new CustomEvent("mooring-action", { detail: { name: found.row.dataset.drag, facts } }));
});

document.addEventListener("dragend", () => {
  clear();
  dragged = null;
  for (const row of document.querySelectorAll(".is-dragged")) row.classList.remove("is-dragged");
});
