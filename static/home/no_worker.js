// What browsers get in place of the service worker when the installation has none (`home_screen = false`): it removes the
// one that they have, with what that stored. Browsers fetch their worker at each visit, past that worker itself.

addEventListener("install", () => skipWaiting());

addEventListener("activate", (event) => {
  event.waitUntil(caches.keys().then(async (names) => {
    await Promise.all(names.filter((name) => name.startsWith(`mooring ${registration.scope} `)).map((name) => caches.delete(name)));
    await registration.unregister();
  }));
});
