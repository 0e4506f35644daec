import type { ResourceContents } from "../../call/content.ts";
import type { PrincipalIdentity } from "../../call/principal.ts";
import { ToolError } from "../../call/tool-error.ts";
import { digestText } from "../../encoding/canonical-json.ts";
import { decide } from "../../guard/decide.ts";
import { contentsSchemaOf } from "../../guard/masking/mask-session-memory.ts";
import { readUnguarded } from "../../guard/subscribers/read-unguarded.ts";
import { readable, visible } from "../../guard/visible.ts";
import { accessOf } from "../../objects/admission-request.ts";
import { principalGate } from "../../objects/principal-gate.ts";
import type { Policy } from "../../policy/compile.ts";
import { policyInForce } from "../../policy/current.ts";
import { masksOf } from "../../policy/masks.ts";
import { maskContents } from "../../redact/mask-contents.ts";
import type { Catalogue, Entry, Listed } from "../../server/catalogue.ts";
import { findResource } from "../../server/find-resource.ts";
import { isSpent } from "./spent.ts";

/** A client that waits for changes, with its current rights. */
export interface Subscriber {
  env: Env;
  catalogue: Catalogue;
  identity: PrincipalIdentity;
  policy: Policy;
}

/** Digests of what lists show, for as long as their catalogue is in use. */
const digests = new WeakMap<Listed, string>();

/** Lists that a client may be told to fetch again. */
export type ListName = "tools" | "prompts" | "resources";

/**
 * The subscriber with its current rights, or `null` if grant, token or user has ended: a stream outlives the
 * request that opened it. Rejects if the rights are unknown.
 *
 * @param publication - lowest publication of the policy to use. The Principal object learns of it too, so
 * that a client that is notified of a changed list gets it from every isolate
 */
export async function refreshSubscriber(
  { env, catalogue, identity }: Omit<Subscriber, "policy">,
  publication: number,
): Promise<Subscriber | null> {
  const { userId } = identity;
  const gate = principalGate(env, userId);
  const { ended, rights } = await gate.checkAccess(userId, accessOf(identity), null, publication);
  if (ended) return null;
  if (!rights) throw new Error("The Principal object cannot read the person's rights.");
  const policy = await policyInForce(env, Math.max(publication, rights.policy.publication));
  return {
    env,
    catalogue: await catalogue.at(env, policy.revisions),
    identity: { ...identity, role: rights.role },
    policy,
  };
}

/**
 * Fingerprint of what reading a resource would return to the subscriber now, or `null` if it is refused or
 * missing. Two different fingerprints mean an update. Uses the same policy as reading, but counts against no
 * limit and writes no record; otherwise changes by colleagues could use up the subscriber's limits. Rejects
 * if the data cannot be read now.
 */
export async function fingerprintResource(subscriber: Subscriber, uri: string): Promise<string | null> {
  const found = findResource(subscriber.catalogue, uri);
  if (
    !found ||
    decide(subscriber.policy, subscriber.identity, found.entry.subject, { args: { uri } }).kind !== "allow"
  )
    return null;
  const { definition } = found.entry;
  try {
    const contents = await readUnguarded(subscriber, found.entry, (context) =>
      definition.read({ uri, params: found.params }, context),
    );
    return fingerprintContents(subscriber, contents);
  } catch (failure) {
    if (failure instanceof ToolError && (failure.code === "not_found" || failure.code === "forbidden"))
      return null;
    throw failure;
  }
}

/** Fingerprint of a list: the entries that the subscriber may see, as the list shows them. */
export async function fingerprintList(subscriber: Subscriber, list: ListName): Promise<string> {
  const { catalogue, policy, identity } = subscriber;
  if (list !== "resources") {
    const all: Iterable<Entry<unknown>> = catalogue[list].values();
    return digest(visible(policy, identity, all).map(digestListed));
  }
  const entries: unknown[] = readable(policy, identity, catalogue.resources.values()).map(digestListed);
  for (const entry of visible(policy, identity, catalogue.templates)) {
    entries.push(digestListed(entry));
    const members = entry.definition.list?.bind(entry.definition);
    if (!members || decide(policy, identity, entry.subject, { args: {} }).kind !== "allow") continue;
    const listed = await readUnguarded(subscriber, entry, members).catch((failure: unknown) => {
      // The client would be notified of an empty list.
      if (isSpent(failure)) throw failure;
      return [];
    });
    entries.push(...listed.map(({ uri, title }) => [uri, title ?? null]));
  }
  // Sorted: a changed order of the same entries is no list change.
  return digest(entries.map((entry) => JSON.stringify(entry)).sort());
}

/** SHA-256 of contents as the subscriber may read them, hexadecimal. */
function fingerprintContents(
  { policy, identity, catalogue }: Subscriber,
  contents: ResourceContents[],
): string {
  return digest(maskContents(contents, masksOf(policy, identity.role), contentsSchemaOf(catalogue)));
}

/** What a list shows of an entry, with its description and schemas. Kept, because every subscriber compares it. */
function digestListed({ listed }: { listed: Listed }): string {
  const known = digests.get(listed) ?? digest(listed);
  digests.set(listed, known);
  return known;
}

function digest(value: unknown): string {
  return digestText(JSON.stringify(value));
}
