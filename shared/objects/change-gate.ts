import type { Subject } from "../call/subject.ts";
import { log } from "../observe/log.ts";
import { SESSION_SCOPE } from "../policy/decide.ts";
import { openObject, stubOf } from "./open-object.ts";

/** Where a session's object is. */
export interface SessionAddress {
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
export interface ChangeEvent {
  /** The publication of the policy that is in force now. Announced once. */
  publication?: number;
  /** Only this person's listeners are told. */
  userId?: string;
}

/**
 * What is needed of the object of a topic, which knows who waits for its changes. It learns that something changed, and
 * not for whom. `workers/objects/changes` implements it.
 */
export interface ChangeGate {
  /** Tells all who wait. Returns before they have looked. */
  publish(news?: ChangeEvent): Promise<void>;
  /** Lets a session's object hear of changes for a day, or no longer. */
  subscribe(place: SessionAddress, waits: Listener | null): Promise<void>;
  /** Sessions that are enrolled. */
  countEnrolled(): Promise<number>;
}

/** The header by which a session's object hears of a change, with the publication of the policy that it is to know. */
export const CHANGE_HEADER = "gatehouse-change";

/** The topic of what people may do. Those of data have the names of their servers, which hold no slash. */
export const RIGHTS = "/rights";

/** The object of a topic. */
export function changeGate(env: Env, topic: string): ChangeGate {
  return openObject<ChangeGate>(env, env.CHANGE_HUB, topic, ["publish", "subscribe"]);
}

/** After a call that may have changed data. Off the critical path: the news may come a moment later than the answer. */
export function publishChange(
  { env, waitUntil }: { env: Env; waitUntil(promise: Promise<unknown>): void },
  { effect, scope, server }: Subject,
): void {
  if (effect === "read" || scope === SESSION_SCOPE) return;
  waitUntil(announce(env, server));
}

/** Tells that people may do something else now: all of them under another policy, or one person with another role. */
export function publishRights(env: Env, news: ChangeEvent): Promise<void> {
  return announce(env, RIGHTS, news);
}

/** Never rejects: whoever waits looks again after a while anyway, and what was done is done. */
async function announce(env: Env, topic: string, news?: ChangeEvent): Promise<void> {
  try {
    await changeGate(env, topic).publish(news);
  } catch (failure) {
    log("warn", "change_not_announced", { topic, error: String(failure) });
  }
}

export function hub(env: Env, topic: string): DurableObjectStub {
  return stubOf(env, env.CHANGE_HUB, topic);
}
