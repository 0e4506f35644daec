import { decide } from "../../guard/decide.ts";
import type { Pace } from "../../objects/change-gate.ts";
import { RIGHTS } from "../../objects/change-gate.ts";
import { log } from "../../observe/log.ts";
import type { Catalogue } from "../../server/catalogue.ts";
import { serverOfResource } from "../../server/find-resource.ts";
import { isSpent } from "./spent.ts";
import { fingerprintList, fingerprintResource, type ListName, type Subscriber } from "./subscriber.ts";

/** Every list that a client may be told to fetch again. */
export const LISTS = ["tools", "prompts", "resources"] as const satisfies readonly ListName[];

/** Result of a reading for which the invocation had no query left. */
const SPENT = Symbol("spent");

/** Lists and resources that a client subscribes to. */
export interface SubscriptionFilter {
  uris: readonly string[];
  lists: readonly ListName[];
}

/** A change notification, without `jsonrpc`. */
export interface ChangeNotice {
  method: string;
  params?: { uri: string };
}

/** Fingerprints that the client knows, by list or URI. Plain data, so that a session can store it. */
export type Fingerprints = ReadonlyMap<string, string | null>;

/**
 * Reads everything in the filter for the first time. Leaves out resources that the subscriber cannot read.
 */
export async function beginWatch(
  subscriber: Subscriber,
  { uris, lists }: SubscriptionFilter,
): Promise<Fingerprints> {
  const known = new Map<string, string | null>();
  for (const list of lists) known.set(keyOf(list), await fingerprintList(subscriber, list));
  for (const uri of uris) {
    const seen = await fingerprintResource(subscriber, uri);
    if (seen !== null) known.set(uri, seen);
  }
  return known;
}

/**
 * Reads again and returns what differs from the known fingerprints. An entry that cannot be read now stays
 * unchanged. `spent`: the invocation has no query left, so the other entries were not read, and no later
 * reading in this invocation can succeed.
 */
export async function findChanges(
  subscriber: Subscriber,
  known: Fingerprints,
): Promise<{ known: Fingerprints; notices: ChangeNotice[]; spent: boolean }> {
  const next = new Map(known);
  const notices: ChangeNotice[] = [];
  for (const [key, before] of known) {
    const list = listOf(key);
    const reading = list === null ? fingerprintResource(subscriber, key) : fingerprintList(subscriber, list);
    const now = await reading.catch((failure: unknown) => {
      log("warn", "watched_entry_not_read", { key, error: String(failure) });
      return isSpent(failure) ? SPENT : before;
    });
    if (now === SPENT) return { known: next, notices, spent: true };
    if (now === before) continue;
    next.set(key, now);
    notices.push(
      list === null
        ? { method: "notifications/resources/updated", params: { uri: key } }
        : { method: `notifications/${list}/list_changed` },
    );
  }
  return { known: next, notices, spent: false };
}

/** What the policy decides on everything in the catalogue at this moment, as a text to compare. Asks no database. */
export function describeRights({ catalogue, policy, identity }: Subscriber): string {
  const entries = [
    ...catalogue.tools.values(),
    ...catalogue.prompts.values(),
    ...catalogue.resources.values(),
    ...catalogue.templates,
  ];
  return entries.map(({ subject }) => decide(policy, identity, subject).kind).join(" ");
}

/** URIs of the watched resources. */
export function listUris(known: Fingerprints): string[] {
  return [...known.keys()].filter((key) => listOf(key) === null);
}

/**
 * Topics whose changes may affect the watched entries, with their pace. Lists of resources change with the
 * data of servers whose templates list their members; every entry changes with access rights.
 */
export function topicsOf(catalogue: Catalogue, known: Fingerprints): ReadonlyMap<string, Pace> {
  const topics = new Map<string, Pace>();
  if (known.size > 0) topics.set(RIGHTS, "soon");
  if (known.has(keyOf("resources"))) {
    for (const { definition, subject } of catalogue.templates) {
      if (definition.list) topics.set(subject.server, "calm");
    }
  }
  for (const uri of listUris(known)) {
    const server = serverOfResource(catalogue, uri);
    if (server !== null) topics.set(server, "soon");
  }
  return topics;
}

/** The key of a list among URIs, which all have a scheme. */
function keyOf(list: ListName): string {
  return `/${list}`;
}

function listOf(key: string): ListName | null {
  return key.startsWith("/") ? (key.slice(1) as ListName) : null;
}
