// What a page can see of a server that does not let it read an answer: the browser says "Failed to fetch" to all of it.
//
//   await reach("http://gpu-1:8188", "some id", 4000)      // {"answers": true, "greets": false, "isTurned": false}
//
// answers   something answers a request whose answer no page may read
// greets    a WebSocket opens and says what ComfyUI says first; not tried without an id
// isTurned  the request was sent on to an address that this page may not ask

export async function reach(address, clientId, milliseconds) {
  const turned = watchTurns(address);
  const answers = await isAnswering(address, milliseconds);
  const greets = answers && clientId !== "" && (await isGreeting(address, clientId, milliseconds));
  return JSON.stringify({ answers, greets, isTurned: await turned() });
}

async function isAnswering(address, milliseconds) {
  const options = { mode: "no-cors", cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(milliseconds) };
  try {
    await fetch(`${address}/system_stats`, options);
    return true;
  } catch {
    return false;
  }
}

function isGreeting(address, clientId, milliseconds) {
  const socket = new WebSocket(`${address.replace(/^http/, "ws")}/ws?clientId=${clientId}`);
  return new Promise((resolve) => {
    const end = (greets) => {
      clearTimeout(timer);
      socket.onmessage = socket.onclose = null;
      socket.close();
      resolve(greets);
    };
    const timer = setTimeout(end, milliseconds, false);
    socket.onmessage = ({ data }) => end(isStatus(data));
    socket.onclose = () => end(false);
  });
}

function isStatus(data) {
  try {
    return JSON.parse(data).type === "status";
  } catch {
    return false;
  }
}

/** The page's policy has the server's own address, so what it stops there has been sent on from it. */
function watchTurns(address) {
  let isTurned = false;
  const see = ({ blockedURI }) => { isTurned ||= blockedURI.startsWith(address); };
  document.addEventListener("securitypolicyviolation", see);
  return async () => {
    await new Promise((resolve) => setTimeout(resolve)); // the event comes after the request has failed
    document.removeEventListener("securitypolicyviolation", see);
    return isTurned;
  };
}
