// Things that are dragged: `<li draggable="true" data-drag="action">`. Where one is let go becomes that action. A row goes
// to another place of its list: the facts are its `promptId`, the row `beside` which it was let go, and whether it `isAfter`
// that one. A file (`data-type`) goes into a field that takes it: the facts are those of both. Buttons do the same for
// those who do not drag.

const KIND = "application/x-mooring-row";
const MARKS = ["is-drop-before", "is-drop-after", "is-over"];
let dragged = null; // the facts of what is dragged: the element itself may be drawn again meanwhile

const effect = () => (dragged.type === undefined ? "move" : "copy");
const clear = () => {
  for (const place of document.querySelectorAll(MARKS.map((mark) => `.${mark}`).join())) place.classList.remove(...MARKS);
};

/** Whether a field takes a file, by its type. */
export const takes = (field, { type }) => type.startsWith(field.querySelector("input").accept.replace("*", ""));

/** The place under the pointer that takes what is dragged, how it is marked, and the facts of a drop there. */
function aim({ target, clientY, dataTransfer }) {
  if (!dragged || !dataTransfer.types.includes(KIND)) return null;
  if (dragged.type !== undefined) {
    const field = target.closest?.("[data-drop][data-node]");
    return field && takes(field, dragged) ? { place: field, mark: "is-over", facts: { ...dragged, ...field.dataset } } : null;
  }
  const row = target.closest?.(`[data-drag="${dragged.drag}"]`);
  if (!row || dragged.promptId === row.dataset.promptId) return null;
  const box = row.getBoundingClientRect();
  const isAfter = clientY > box.top + box.height / 2;
  const facts = { promptId: dragged.promptId, beside: row.dataset.promptId, isAfter };
  return { place: row, mark: isAfter ? "is-drop-after" : "is-drop-before", facts };
}

document.addEventListener("dragstart", (event) => {
  const thing = event.target.closest?.("[data-drag]");
  if (!thing) return;
  dragged = { ...thing.dataset };
  event.dataTransfer.effectAllowed = effect();
  event.dataTransfer.setData(KIND, dragged.drag);
  thing.classList.add("is-dragged");
  document.body.classList.toggle("is-dragging", dragged.type !== undefined);
});

document.addEventListener("dragover", (event) => {
  if (!dragged) return;
  clear();
  const found = aim(event);
  if (!found) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = effect();
  found.place.classList.add(found.mark);
});

document.addEventListener("drop", (event) => {
  const found = aim(event);
  if (!found) return;
  event.preventDefault();
  const detail = { name: dragged.drag, facts: found.facts };
  end(); // Firefox has no `dragend` if the drop removes what was dragged
  document.dispatchEvent(new CustomEvent("mooring-action", { detail }));
});

document.addEventListener("dragend", end);

function end() {
  if (!dragged) return;
  clear();
  dragged = null;
  document.body.classList.remove("is-dragging");
  for (const thing of document.querySelectorAll(".is-dragged")) thing.classList.remove("is-dragged");
}
