"""Many past tasks, written directly into a browser's database."""

from __future__ import annotations

# Write rows of past tasks, all with the same thumbnail: as many as a number says, or one for each end (in seconds)
# of a list.
PUT_MANY = """async (wanted) => {
  const ends = Array.isArray(wanted) ? wanted : Array.from({ length: wanted }, (_, number) => 1000 + number);
  const canvas = Object.assign(document.createElement("canvas"), { width: 96, height: 64 });
  canvas.getContext("2d").fillStyle = "teal";
  canvas.getContext("2d").fillRect(0, 0, 96, 64);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/webp"));
  await new Promise((resolve, reject) => {
    const open = indexedDB.open("mooring");
    open.onsuccess = () => {
      const database = open.result;
      const transaction = database.transaction(["past", "thumbnails"], "readwrite");
      for (const [number, at] of ends.entries()) {
        const id = `many-${String(number).padStart(5, "0")}`;
        transaction.objectStore("past").put({
          prompt_id: id, owner: "gone", server_id: number % 2 ? "a" : "b", title: `Set ${number % 7}`,
          created_at: at, ended_at: at, state: "succeeded", seconds: 1.5, label: "",
          seed: String(number), texts: `scene ${number}`, project: "", inputs: [], v: 1,
          outputs: [{
            index: 0, kind: "images", filename: `m_${number}.png`, media_type: "image/png", size: 9, delivery: "kept",
          }],
        });
        transaction.objectStore("thumbnails").put({ blob, at: 1 }, `${id}/0`);
      }
      transaction.oncomplete = () => { database.close(); resolve(); };
      transaction.onabort = () => reject(transaction.error);
    };
  });
}"""
