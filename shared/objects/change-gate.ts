import type { Subject } from "../call/subject.ts";
import { digestText } from "../encoding/canonical-json.ts";
import { log } from "../observe/log.ts";
import { SESSION_SCOPE } from "../policy/decide.ts";
import { openObject, stubOf } from "./open-object.ts";
import { SHARDS, shardOf } from "./shards.ts";

/** Address of a session's object. */
export interface SessionAddress {
  /** Binding of its namespace. */
  binding: string;
  /** Name of the object. */
  name: string;
}

/**
 * Delay of a notification: `soon` within a second; `calm` at once and then at most once every few seconds.
 * Subscribers of a resource use `soon`; subscribers of lists alone, who must fetch a whole list, use `calm`.
 */
export type Pace = "soon" | "calm";

/** A subscriber of a topic. */
export interface Listener {
  userId: string;
  pace: Pace;
}

/** A change event. It carries no data about the change: subscribers re-read with their own rights. */
export interface ChangeEvent {
  /** Publication number of the policy in force. Announced once. */
  publication?: number;
  /** Restricts the event to this user's subscribers. */
  userId?: string;
  /** Restricts it to these users' subscribers. */
  people?: readonly string[];
  /** It announces other changes too, so it is announced even where its publication is known. */
  others?: boolean;
}

/**
 * An object of a topic: the one that changes are announced to, and shards of it, which hold the subscribers by person. They
 * learn that something changed, but not whose data. Implemented in `workers/objects/changes`.
 */
export interface ChangeGate {
  /** Notifies all subscribers, those of the topic's shards too. Returns before they have re-read. */
  publish(event?: ChangeEvent): Promise<void>;
  /** Subscribes a session's object for a day; `null` unsubscribes it. */
  subscribe(place: SessionAddress, waits: Listener | null): Promise<void>;
  /** A shard has subscribers: it is announced to for two days. */
  enroll(shard: string): Promise<void>;
  /** Number of subscribed sessions. */
  countEnrolled(): Promise<number>;
}

/** Header of a change request to a session's object; its value is the publication of the policy to use. */
export const CHANGE_HEADER = "gatehouse-change";

/** Topic for changes of access rights. Topics of data are server names, which have no slash. */
export const RIGHTS = "/rights";

/** Topic for what Gatehouse itself has for one person: decided approvals, finished tasks. */
export const GATEWAY = "gateway";

/** The object of a topic, which announces to all others of it, and has the subscribers of a release before shards. */
export function changeGate(env: Env, topic: string): ChangeGate {
  return openObject<ChangeGate>(env, env.CHANGE_HUB, topic, ["publish", "subscribe", "enroll"]);
}

/** The object that holds this person's subscriptions to a topic, by its name. */
export function shardName(topic: string, userId: string): string {
  return `${topic}#${shardOf(digestText(userId), SHARDS.changes)}`;
}

/** The topic of a shard's name; `null` for a topic's own object. */
export function topicOf(name: string): string | null {
  const mark = name.lastIndexOf("#");
  return mark < 0 ? null : name.slice(0, mark);
}

/** The gate of {@link shardName}. */
export function personGate(env: Env, topic: string, userId: string): ChangeGate {
  return changeGate(env, shardName(topic, userId));
}

/** Announces that a call may have changed data. Runs after the response. */
export function publishChange(
  { env, waitUntil }: { env: Env; waitUntil(promise: Promise<unknown>): void },
  { effect, scope, server }: Subject,
): void {
  if (effect === "read" || scope === SESSION_SCOPE) return;
  waitUntil(announce(env, server));
}

/** Announces changed access rights: of all users under a new policy, or of one user with a new role. */
export function publishRights(env: Env, event: ChangeEvent): Promise<void> {
  return announce(env, RIGHTS, event);
}

/** Announces that something of one person in {@link GATEWAY} changed. */
export function publishOwn(env: Env, userId: string): Promise<void> {
  return announce(env, GATEWAY, { userId });
}

/**
 * Never rejects: the change itself is done, and each call is decided by it. When the topic's object does not answer, open
 * streams learn of it with the next announcement, or when their token ends.
 */
async function announce(env: Env, topic: string, event?: ChangeEvent): Promise<void> {
  try {
    await changeGate(env, topic).publish(event);
  } catch (failure) {
    log("warn", "change_not_announced", { topic, error: String(failure) });
  }
}

/** The object that holds this person's streams of a topic. */
export function hub(env: Env, topic: string, userId: string): DurableObjectStub {
  return stubOf(env, env.CHANGE_HUB, shardName(topic, userId));
}
