// The page that the service worker shows while nothing answers. It stands at the address that the user wanted, tries that
// again, and reloads it once there is an answer. It is one document without any further file (`gateway/page/home_screen.py`
// puts it together), and touches nothing that this browser has stored.
{
  const FIRST_WAIT = 2000; // milliseconds
  const LONGEST_WAIT = 15000;
  const AWAY = [502, 503, 504]; // of a proxy whose gateway does not answer

  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const texts = JSON.parse(byId("away-texts").textContent);
  const asked = new URLSearchParams(location.search).get("lang");
  let wait = FIRST_WAIT;
  let timer;
  let isTrying = false;

  /** The user's settings. Of several users who share this browser, whose window this is cannot be known: the first one's. */
  function settings() {
    try {
      const key = Object.keys(localStorage).find((name) => name.split("@")[0] === "mooring.settings");
      return JSON.parse(localStorage.getItem(key) ?? "{}") ?? {};
    } catch {
      return {};
    }
  }

  function speak(wishes) {
    const codes = ["en", ...Object.keys(texts)];
    const family = (code) => code.toLowerCase().split(/[-_]/)[0];
    const known = wishes.filter(Boolean).map((wish) => codes.find((code) => family(code) === family(wish))).find(Boolean);
    root.lang = known ?? "en";
    for (const place of [document, byId("away-failed").content]) {
      for (const element of place.querySelectorAll("[data-t]")) {
        const text = element.textContent.trim();
        element.textContent = (texts[root.lang]?.[text] ?? text).replace("{host}", location.host);
      }
    }
  }

  async function isThere() {
    try {
      const answer = await fetch(location.href, { method: "HEAD", cache: "no-store", redirect: "manual" });
      return !AWAY.includes(answer.status);
    } catch {
      return false;
    }
  }

  async function attempt(isAsked) {
    if (isTrying) return;
    isTrying = true;
    clearTimeout(timer);
    byId("away-offline").hidden = navigator.onLine;
    if (await isThere()) return location.reload();
    isTrying = false;
    if (isAsked) {
      const time = new Date().toLocaleTimeString(root.lang);
      byId("away-state").textContent = byId("away-failed").content.textContent.replace("{time}", time);
    }
    timer = setTimeout(attempt, wait);
    wait = Math.min(LONGEST_WAIT, wait * 1.5);
  }

  /** Without its service worker the browser says itself what is wrong, and a certificate can be looked at. */
  async function showPlainly() {
    const registration = await navigator.serviceWorker.getRegistration();
    await registration?.unregister();
    location.reload();
  }

  function hurry() {
    wait = FIRST_WAIT;
    attempt();
  }

  const { theme, language } = settings();
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  speak([asked, language, ...navigator.languages]);
  byId("away-try").addEventListener("click", () => attempt(true));
  byId("away-plain").addEventListener("click", showPlainly);
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) hurry(); });
  attempt();
}
