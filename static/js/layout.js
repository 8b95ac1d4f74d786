// Has a graph arranged in a worker. Loaded when the first graph is shown.

const WORKER = new URL("./layout_worker.js", import.meta.url);

/** The answer as text, from `layout_worker.js`; `{"cause": …, "error": …}` if there is none, never a rejection. */
export function arrange(question, milliseconds) {
  return new Promise((resolve) => {
    let worker, timer;
    const end = (answer) => {
      clearTimeout(timer);
      worker?.terminate();
      resolve(answer);
    };
    const fail = (cause, error = "") => end(JSON.stringify({ cause, error }));
    try {
      worker = new Worker(WORKER, { type: "module" });
    } catch (error) {
      fail("unavailable", String(error));
      return;
    }
    timer = setTimeout(() => fail("timeout"), milliseconds);
    worker.onmessage = (event) => end(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      fail("unavailable", event.message); // it never began: a module that is not there, or a syntax that is not known
    };
    worker.postMessage(question);
  });
}
