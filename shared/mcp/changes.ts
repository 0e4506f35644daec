import type { Exchange } from "../guard/exchange.ts";
import type { Subject } from "../guard/subject.ts";
import { log } from "../observe/log.ts";
import { SESSION_SCOPE } from "../policy/decide.ts";

/** Where a session's object is. */
export interface SessionPlace {
  /** Binding of its namespace. */
  binding: string;
  /** Name of the object. */
  name: string;
}

/**
 * What is needed of the one object of a server that knows who waits for changes of its data. It learns that something
 * changed, and neither what nor for whom: whoever waits looks for themselves, with their own rights.
 * `workers/changes` implements it.
 */
export interface ChangeGate {
  /** Tells all who wait. Returns before they have looked. */
  announce(): Promise<void>;
  /** Lets a session's object hear of changes for a day, or no longer. */
  enrol(place: SessionPlace, waits: boolean): Promise<void>;
}

/** The header of a request by which a session's object hears of a change. Only our own objects can address one. */
export const CHANGE_HEADER = "gatehouse-change";

/** The object of a server. Its name is the server's. */
export function changeGate(env: Env, server: string): ChangeGate {
  return hub(env, server) as unknown as ChangeGate;
}

/**
 * Opens a line on which `onChange` hears of changes of a server's data until `close` is called or the line breaks.
 * `null` when this person holds too many.
 *
 * @param onBroken - the line ended from the other side: whoever waited has to start anew
 */
export async function listenForChanges(
  env: Env,
  server: string,
  userId: string,
  { onChange, onBroken }: { onChange(): void; onBroken(): void },
): Promise<(() => void) | null> {
  const headers = { upgrade: "websocket", "gatehouse-listener": encodeURIComponent(userId) };
  const { webSocket } = await hub(env, server).fetch("https://changes/", { headers });
  if (!webSocket) return null;
  webSocket.addEventListener("message", onChange);
  webSocket.addEventListener("close", onBroken);
  webSocket.addEventListener("error", onBroken);
  webSocket.accept();
  return () => {
    webSocket.removeEventListener("close", onBroken);
    webSocket.close(1000);
  };
}

/** After a call that may have changed data. Off the critical path: the news may come a moment later than the answer. */
export function announceChange(
  { env, waitUntil }: Pick<Exchange, "env" | "waitUntil">,
  subject: Subject,
): void {
  if (subject.effect === "read" || subject.scope === SESSION_SCOPE) return;
  waitUntil(
    changeGate(env, subject.server)
      .announce()
      .catch((failure: unknown) => {
        log("warn", "change_not_announced", { server: subject.server, error: String(failure) });
      }),
  );
}

function hub(env: Env, server: string): DurableObjectStub {
  return env.CHANGE_HUB.get(env.CHANGE_HUB.idFromName(server));
}
