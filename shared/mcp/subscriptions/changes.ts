import type { Listener } from "../../objects/change-gate.ts";
import { hub } from "../../objects/change-gate.ts";

/** Callbacks of a change connection. */
export interface LineHandlers {
  /** @param publication - lowest publication of the policy to re-read with; 0 for any */
  onChange(publication: number): void;
  /** The hub closed the connection: the subscriber has to open another one. */
  onBroken(): void;
}

/**
 * Opens a connection that reports changes of a topic until `close` is called or it breaks. `null` if the user
 * holds too many.
 */
export async function listenForChanges(
  env: Env,
  topic: string,
  { userId, pace }: Listener,
  { onChange, onBroken }: LineHandlers,
): Promise<(() => void) | null> {
  const headers = {
    upgrade: "websocket",
    "gatehouse-listener": encodeURIComponent(userId),
    "gatehouse-pace": pace,
  };
  const { webSocket } = await hub(env, topic, userId).fetch("https://changes/", { headers });
  if (!webSocket) return null;
  webSocket.addEventListener("message", ({ data }) => onChange(Number(data)));
  webSocket.addEventListener("close", onBroken);
  webSocket.addEventListener("error", onBroken);
  webSocket.accept();
  return () => {
    webSocket.removeEventListener("close", onBroken);
    webSocket.close(1000);
  };
}
