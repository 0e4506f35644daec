/** A target of the inspector, as `/json` lists it (Chrome DevTools Protocol, «HTTP endpoints»). */
interface InspectorTarget {
  id: string;
  webSocketDebuggerUrl: string;
}

/** Used bytes of an isolate's heap: JavaScript's, and the runtime's own objects that it references. */
interface HeapUsage {
  usedSize: number;
  embedderHeapUsedSize: number;
}

/** A second collection frees what the finalizers of the first one released. */
const COLLECTIONS = 2;

/**
 * Collects garbage in a Worker's isolate and returns the bytes that are still reachable (Chrome DevTools
 * Protocol, `HeapProfiler.collectGarbage` and `Runtime.getHeapUsage`). Throws when no Worker is listed.
 *
 * @param workerUrl - any address of the Worker: the runtime collects at the next request to its isolate
 */
export async function readLiveHeap(inspectorUrl: URL, workerUrl: string): Promise<number> {
  const list = await fetch(`http://${inspectorUrl.host}/json`);
  const target = ((await list.json()) as InspectorTarget[]).find(({ id }) => id.startsWith("core:user:"));
  if (!target) throw new Error("The runtime's inspector lists no Worker.");
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("The runtime's inspector cannot be reached.")));
  });
  const answers = new Map<number, (result: unknown) => void>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (id !== undefined) answers.get(id)?.(result);
  });
  const ask = (method: string) => {
    const id = answers.size + 1;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    answers.set(id, resolve);
    socket.send(JSON.stringify({ id, method }));
    return promise;
  };
  try {
    for (let collection = 0; collection < COLLECTIONS; collection += 1) {
      let collected = false;
      const answer = ask("HeapProfiler.collectGarbage").then(() => {
        collected = true;
      });
      // The runtime may handle either of the two first.
      while (!collected) await (await fetch(workerUrl)).arrayBuffer();
      await answer;
    }
    const { usedSize, embedderHeapUsedSize } = (await ask("Runtime.getHeapUsage")) as HeapUsage;
    return usedSize + embedderHeapUsedSize;
  } finally {
    socket.close();
  }
}
