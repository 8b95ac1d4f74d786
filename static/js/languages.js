// The language of the page and of the login page, and their HTML's texts in it: each element with `data-t` has its English
// text, which the list of catalogues translates (`gateway/page/languages.py`).

const LIST = new URL("../locales/index.json", import.meta.url);
const root = document.documentElement;
const listed = fetch(LIST).then(async (answer) => (answer.ok ? placed(await answer.json()) : {})).catch(() => ({}));

/** The list names its files as its neighbours. */
function placed(found) {
  for (const item of Object.values(found)) item.path = new URL(item.path, LIST).pathname;
  return found;
}

/** The languages that have a catalogue, as JSON: `{code: {name, path, texts}}`. */
export const languages = async () => JSON.stringify(await listed);

/** The language of the address (`?lang=`, empty if none), then the browser's languages, most wanted first. */
export function languageWishes() {
  const asked = new URLSearchParams(location.search).get("lang") ?? "";
  return JSON.stringify([asked, ...(navigator.languages ?? [navigator.language])]);
}

/** The first wish that has a catalogue; English needs none. */
function choose(found) {
  const [asked, ...wishes] = JSON.parse(languageWishes());
  for (const wish of [asked, root.dataset.language, ...wishes]) { // theme.js has put the user's own there
    const low = (wish ?? "").toLowerCase().replaceAll("_", "-");
    if (low === "pseudo") return "pseudo";
    const codes = ["en", ...Object.keys(found)];
    const code = codes.find((item) => item.toLowerCase() === low)
      ?? codes.find((item) => item.toLowerCase().split("-")[0] === low.split("-")[0]);
    if (code) return code;
  }
  return "en";
}

/** Translate the document's own texts; the address of the language's catalogue, if it has one. */
export async function translate() {
  const found = await listed;
  const chosen = choose(found);
  root.lang = chosen === "pseudo" ? "en" : chosen;
  const language = chosen === "pseudo" ? Object.values(found)[0] : found[chosen];
  for (const element of language ? document.querySelectorAll("[data-t]") : []) {
    const text = element.textContent.trim();
    if (language.texts[text]) element.textContent = chosen === "pseudo" ? `⟦${text}⟧` : language.texts[text];
  }
  return language?.path;
}
