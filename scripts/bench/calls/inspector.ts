/** A target of the inspector, as `/json` lists it (Chrome DevTools Protocol, «HTTP endpoints»). */
interface InspectorTarget {
  id: string;
  webSocketDebuggerUrl: string;
}

/** A connection to a Worker's isolate (Chrome DevTools Protocol). */
export interface Inspector {
  /** Sends a command and returns its result. Rejects with the runtime's message when the command fails. */
  ask(method: string, params?: object): Promise<unknown>;
  /** The same for a command that the runtime handles when the isolate is entered next: sends requests until then. */
  askAwake(method: string, params?: object): Promise<unknown>;
  close(): void;
}

/**
 * Connects to the project's Worker. Throws when the runtime lists none.
 *
 * @param workerUrl - any address of the Worker
 */
export async function openInspector(inspectorUrl: URL, workerUrl: string): Promise<Inspector> {
  const list = await fetch(`http://${inspectorUrl.host}/json`);
  const target = ((await list.json()) as InspectorTarget[]).find(({ id }) => id.startsWith("core:user:"));
  if (!target) throw new Error("The runtime's inspector lists no Worker.");
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("The runtime's inspector cannot be reached.")));
  });
  const answers = new Map<number, PromiseWithResolvers<unknown>>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result, error } = JSON.parse(String(data)) as {
      id?: number;
      result?: unknown;
      error?: { message: string };
    };
    const answer = id === undefined ? undefined : answers.get(id);
    if (error) answer?.reject(new Error(error.message));
    else answer?.resolve(result);
  });
  const ask = (method: string, params: object = {}): Promise<unknown> => {
    const id = answers.size + 1;
    const answer = Promise.withResolvers<unknown>();
    answers.set(id, answer);
    socket.send(JSON.stringify({ id, method, params }));
    return answer.promise;
  };
  return {
    ask,
    async askAwake(method, params) {
      let answered = false;
      const answer = ask(method, params).finally(() => {
        answered = true;
      });
      // The runtime may handle either of the two first.
      while (!answered) await (await fetch(workerUrl)).arrayBuffer();
      return await answer;
    },
    close: () => socket.close(),
  };
}
