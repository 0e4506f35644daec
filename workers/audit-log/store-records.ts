import type { Link } from "../../shared/audit/chain.ts";
import { dayOf, type PartKind, partKindOf } from "../../shared/audit/kind-of.ts";
import { MOST_OF_SEGMENT } from "../../shared/audit/read-stored.ts";
import type { AuditRecord } from "../../shared/audit/record.ts";
import { openObject } from "../../shared/objects/open-object.ts";
import { log } from "../../shared/observe/log.ts";
import { findNew } from "./find-new.ts";
import { foundStored, indexSegment } from "./index-segment.ts";
import { openParts } from "./open-parts.ts";
import { putSegment } from "./put-segment.ts";
import type { TrailBindings } from "./trail-source.ts";

/** Times that records are compared with what is stored before their message has to come again. */
const TRIES = 4;

/** What this consumer needs of a Principal object. */
interface StoredListener {
  confirmStored(sequences: readonly number[]): Promise<void>;
}

/** A record to store, with what its place is found by. */
export interface PlacedLink extends Link {
  at: number;
  type: AuditRecord["type"];
  day: number;
  kind: PartKind;
}

/**
 * Stores records and confirms them, so that a chain's object may forget what it sent: this alone does. A segment of them is
 * put into the bucket, then named in the database, and then confirmed; whatever ends in between is done again when the
 * records are delivered again, and nothing is stored twice. Throws when bucket or database does not answer.
 */
export async function storeRecords(env: Env, links: readonly Link[]): Promise<void> {
  await storeLinks(env, links);
  const chains = Map.groupBy(links, ({ chain }) => chain);
  await Promise.all([...chains].map(([chain, own]) => confirm(env, chain, own)));
}

/**
 * {@link storeRecords} without the confirmation.
 *
 * @param fromTable - the records are in `audit_record` and are taken out of it after this
 */
export async function storeLinks(
  env: TrailBindings,
  links: readonly Link[],
  { fromTable = false } = {},
): Promise<void> {
  const placed = links.map(placeLink).sort(compare);
  const once = placed.filter((link, index) => index === 0 || compare(link, placed[index - 1] as PlacedLink));
  for (let start = 0; start < once.length; start += MOST_OF_SEGMENT) {
    await storeSegment(env, once.slice(start, start + MOST_OF_SEGMENT), fromTable);
  }
}

async function storeSegment(
  env: TrailBindings,
  links: readonly PlacedLink[],
  fromTable: boolean,
): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    const fresh = await findNew(env, links, fromTable);
    if (fresh.length === 0) return;
    try {
      const parts = await openParts(env.PLATFORM_DB, fresh);
      const segment = await putSegment(env, fresh, parts);
      await indexSegment(env.PLATFORM_DB, segment, fresh);
      return;
    } catch (failure) {
      if (tried === TRIES || !foundStored(failure)) throw failure;
    }
  }
}

/** Tells the chain's object that it may forget. When that fails it sends the records again, which does no harm. */
async function confirm(env: Env, chain: string, links: readonly Link[]): Promise<void> {
  await openObject<StoredListener>(env, env.PRINCIPAL, chain, ["confirmStored"])
    .confirmStored(links.map(({ sequence }) => sequence))
    .catch((failure: unknown) => log("warn", "audit_not_confirmed", { chain, error: String(failure) }));
}

/** A record with its time, type and part. */
export function placeLink(link: Link): PlacedLink {
  // A record of version 1 has its event in the body.
  const { at, type, event } = JSON.parse(link.body) as AuditRecord & {
    event?: { type: AuditRecord["type"] };
  };
  const own = type ?? event?.type;
  return { ...link, at, type: own, day: dayOf(at), kind: partKindOf(own) };
}

/** By chain and sequence, as their bytes. */
function compare(a: PlacedLink, b: PlacedLink): number {
  if (a.chain === b.chain) return a.sequence - b.sequence;
  return a.chain < b.chain ? -1 : 1;
}
