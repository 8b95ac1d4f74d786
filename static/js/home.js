// The page as an app on a home screen: its service worker, where the installation has one and the browser can. A private
// window leaves none behind, and on plain http under a host name browsers have none: that is no failure.

const { worker, private: isPrivate } = document.documentElement.dataset;

if (worker && !isPrivate && "serviceWorker" in navigator) {
  navigator.serviceWorker.register(worker, { updateViaCache: "none" }).catch((error) => {
    console.info(`Mooring has no service worker here: ${error.message}`);
  });
}
