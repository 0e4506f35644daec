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
 * How soon somebody hears: `soon` within a second, `calm` at once and then not again for some seconds, however much
 * goes on. Who watches a resource is told soon; who only waits for another list of them has to fetch all of it.
 */
export type Pace = "soon" | "calm";

/** Somebody who waits for news. */
export interface Listener {
  userId: string;
  pace: Pace;
}

/** What is passed on of a change. Nothing of it says what changed: whoever waits looks, with their own rights. */
export interface News {
  /** The publication of the policy that is in force now. Announced once. */
  publication?: number;
  /** Only this person's listeners are told. */
  userId?: string;
}

/**
 * What is needed of the object of a topic, which knows who waits for its changes. It learns that something changed, and
 * not for whom. `workers/changes` implements it.
 */
export interface ChangeGate {
  /** Tells all who wait. Returns before they have looked. */
  announce(news?: News): Promise<void>;
  /** Lets a session's object hear of changes for a day, or no longer. */
  enrol(place: SessionPlace, waits: Listener | null): Promise<void>;
  /** Sessions that are enrolled. */
  countEnrolled(): Promise<number>;
}

/** The header by which a session's object hears of a change, with the publication of the policy that it is to know. */
export const CHANGE_HEADER = "gatehouse-change";

/** The topic of what people may do. Those of data have the names of their servers, which hold no slash. */
export const RIGHTS = "/rights";

/** The object of a topic. */
export function changeGate(env: Env, topic: string): ChangeGate {
  return hub(env, topic) as unknown as ChangeGate;
}

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

/** After a call that may have changed data. Off the critical path: the news may come a moment later than the answer. */
export function announceChange(
  { env, waitUntil }: Pick<Exchange, "env" | "waitUntil">,
  { effect, scope, server }: Subject,
): void {
  if (effect === "read" || scope === SESSION_SCOPE) return;
  waitUntil(announce(env, server));
}

/** Tells that people may do something else now: all of them under another policy, or one person with another role. */
export function announceRights(env: Env, news: News): Promise<void> {
  return announce(env, RIGHTS, news);
}

/** Never rejects: whoever waits looks again after a while anyway, and what was done is done. */
async function announce(env: Env, topic: string, news?: News): Promise<void> {
  try {
    await changeGate(env, topic).announce(news);
  } catch (failure) {
    log("warn", "change_not_announced", { topic, error: String(failure) });
  }
}

function hub(env: Env, topic: string): DurableObjectStub {
  return env.CHANGE_HUB.get(env.CHANGE_HUB.idFromName(topic));
}
