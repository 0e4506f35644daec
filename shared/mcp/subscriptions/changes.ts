import type { Listener } from "../../objects/change-gate.ts";
import { hub } from "../../objects/change-gate.ts";

/** What a line calls when it has something to say. */
export interface LineHandlers {
  /** @param publication - of the policy that whoever looks now has to know; 0 when any will do */
  onChange(publication: number): void;
  /** The line ended from the other side: whoever waited has to start anew. */
  onBroken(): void;
}

/**
 * Opens a line on which one hears of changes of a topic until `close` is called or the line breaks. `null` when this
 * person holds too many.
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
  const { webSocket } = await hub(env, topic).fetch("https://changes/", { headers });
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
