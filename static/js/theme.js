// What counts before Python is up: the user's settings, which follow other windows immediately (colours and language;
// `app/ui/settings/settings.py` writes them), and whether this window is a private one (`app/session/memory/private.py`). A classic script on purpose: it runs before the first paint, modules after it.
{
  // Where the files of this page's own build are: its Python asks too (`app/browser/paths.py`).
  document.documentElement.dataset.home = new URL("../../", document.currentScript.src).pathname;

  const { store } = document.documentElement.dataset; // of the logged-in user (`owned.js`)
  const owned = (name) => (store ? `${name}@${store}` : name);
  const KEY = owned("mooring.settings");

  /** Note the language that the user has chosen for the gateway, which draws the first screen of a window (`wire/languages.py`). */
  globalThis.mooringLanguage = (language) => {
    const known = /(?:^|; )mooring-language=([^;]*)/.exec(document.cookie)?.[1] ?? "";
    const value = encodeURIComponent(language);
    if (value !== known) document.cookie = `mooring-language=${value}; path=/; max-age=${value ? 31536000 : 0}; SameSite=Strict`;
  };

  const apply = () => {
    const { theme, language } = kept();
    const data = document.documentElement.dataset;
    if (theme === "light" || theme === "dark") data.theme = theme;
    else delete data.theme;
    for (const colour of document.querySelectorAll('meta[name="theme-color"]')) { // of the bar around an app's window
      const { scheme } = colour.dataset;
      colour.media = data.theme ? (data.theme === scheme ? "all" : "not all") : `(prefers-color-scheme: ${scheme})`;
    }
    data.language = typeof language === "string" ? language : "";
    globalThis.mooringLanguage(data.language);
  };

  const kept = () => {
    try {
      return JSON.parse(localStorage.getItem(KEY) ?? "{}") ?? {};
    } catch {
      return {}; // storage is blocked, or holds something else: the system's colours and language stand
    }
  };

  /** A window is private from its first page on: the address says so once, and the tab remembers it. */
  const isPrivate = () => {
    const address = new URL(location.href);
    const isAsked = address.searchParams.has("private");
    try {
      if (isAsked) sessionStorage.setItem(owned("mooring.private"), "yes");
      const isKnown = sessionStorage.getItem(owned("mooring.private")) !== null;
      address.searchParams.delete("private");
      if (isAsked && isKnown) history.replaceState(history.state, "", address);
      return isKnown;
    } catch {
      return isAsked; // the address still has it
    }
  };

  if (isPrivate()) document.documentElement.dataset.private = "yes";
  addEventListener("storage", (event) => { if (event.key === KEY || event.key === null) apply(); });
  apply();
}
