// The menus of results: their entries are copied from `#result-menu` (app/ui/results/over.html) when one is opened, since
// drawing them for each result takes longer than the result itself.

/** Name the result that an element's buttons are about. */
export function nameButtons(element, name) {
  const cut = name.lastIndexOf("/");
  for (const button of element.querySelectorAll("[data-action]")) {
    Object.assign(button.dataset, { name, promptId: name.slice(0, cut), index: name.slice(cut + 1) });
  }
}

/** Put the entries into a menu that is empty or was opened before: its tile may have other words now. */
function fill(list) {
  const entries = document.getElementById("result-menu").content.cloneNode(true);
  const tile = list.closest(".tile, .tile-over");
  const [title, time] = entries.querySelectorAll(".tile-about > span");
  title.append(...tile.querySelector(".tile-name").cloneNode(true).childNodes);
  time.textContent = tile.querySelector(".tile-when").textContent;
  const lacking = new Set(list.dataset.lacking.split(" "));
  for (const entry of entries.querySelectorAll("[data-action]")) if (lacking.has(entry.dataset.action)) entry.remove();
  nameButtons(entries, list.dataset.result);
  const [link, saved] = [entries.querySelector("a"), tile.querySelector("a[download]")];
  if (link && saved) {
    [link.href, link.download, link.dataset.file] = [saved.href, saved.download, saved.dataset.file];
  }
  list.replaceChildren(entries);
}

document.addEventListener("beforetoggle", ({ target, newState }) => {
  if (newState === "open" && target.dataset?.result !== undefined) fill(target);
}, true);
