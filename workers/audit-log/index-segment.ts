import type { AuditRecord, IntentEvent } from "../../shared/audit/record.ts";
import { countEvents } from "./figures/count-events.ts";
import { type Countable, countable } from "./figures/countable.ts";
import type { StoredSegment } from "./put-segment.ts";
import type { PlacedLink } from "./store-records.ts";

/** Whether a transaction failed because it found one of its records stored, or the part of one being removed. */
export function foundStored(failure: unknown): boolean {
  return /trail: look again|audit_segment\.digest/.test(String(failure));
}

/** SQL: notes where segments begin to count, once: after every number that anything has of `audit_record`. */
export const BEGIN = `
  INSERT INTO audit_origin (one, last)
  SELECT 1, max(ifnull((SELECT max(id) FROM audit_record), 0), ifnull((SELECT max(through) FROM audit_sink), 0),
                ifnull((SELECT body ->> '$.through' FROM audit_checkpoint ORDER BY number DESC LIMIT 1), 0),
                ifnull((SELECT through FROM figure_place), 0))
   WHERE NOT EXISTS (SELECT 1 FROM audit_origin)`;

const NEXT = "max((SELECT last FROM audit_origin), ifnull((SELECT max(through) FROM audit_segment), 0))";

const NAME = `
  INSERT INTO audit_segment (through, records, live, at, digest, heads) SELECT ${NEXT} + ?1, ?1, ?1, ?2, ?3, ?4`;

/** SQL: names the spans `?1` of the segment with the digest `?2`. */
export const SPANS = `
  INSERT INTO audit_span (part, first, last, segment)
  SELECT value ->> 'part', value ->> 'first', value ->> 'last', (SELECT through FROM audit_segment WHERE digest = ?2)
    FROM json_each(?1)`;

/** Milliseconds to which the last use of an app is exact. */
const USE_MS = 10 * 60_000;

/** When each app of a person last called. No one who was erased. */
const NOTE_USES = `
  INSERT INTO audit_last_use (chain, client_id, at)
  SELECT value ->> 'chain', value ->> 'clientId', value ->> 'at' FROM json_each(?)
   WHERE NOT EXISTS (SELECT 1 FROM erased_person WHERE user_id = value ->> 'chain')
  ON CONFLICT (chain, client_id) DO UPDATE SET at = excluded.at WHERE excluded.at > audit_last_use.at + ${USE_MS}`;

/**
 * Names a segment that is in the bucket, and writes what pages search and count by, in one transaction: all of it, or
 * nothing and a failure of {@link foundStored} when a record of it is stored already.
 *
 * @param links - the segment's records, in their order
 */
export async function indexSegment(
  database: D1Database,
  { digest, spans }: StoredSegment,
  links: readonly PlacedLink[],
): Promise<void> {
  const oldest = Math.min(...links.map(({ at }) => at));
  const events = links.flatMap(({ chain, sequence, at, type, event }, place) =>
    event === null ? [] : [countable({ id: place, chain, sequence, at, type }, JSON.parse(event) as object)],
  );
  await database.batch([
    database.prepare(BEGIN),
    database.prepare(NAME).bind(links.length, oldest, digest, JSON.stringify(listHeads(links))),
    database.prepare(SPANS).bind(JSON.stringify(spans), digest),
    database.prepare(NOTE_USES).bind(JSON.stringify(listUses(events))),
    ...countEvents(database, events, { before: null, digest }),
  ]);
}

/** The newest record of each chain. */
function listHeads(links: readonly PlacedLink[]): [chain: string, sequence: number, hash: string][] {
  const heads = new Map(links.map(({ chain, sequence, hash }) => [chain, { sequence, hash }]));
  return [...heads].map(([chain, { sequence, hash }]) => [chain, sequence, hash]);
}

/** The newest call of each app in these records. */
function listUses(events: readonly Countable[]): { chain: string; clientId: string; at: number }[] {
  const uses = new Map<string, { chain: string; clientId: string; at: number }>();
  for (const { chain, at, type, event } of events) {
    if (type !== ("intent" satisfies AuditRecord["type"])) continue;
    const { clientId } = event as IntentEvent;
    const key = JSON.stringify([chain, clientId]);
    if (at >= (uses.get(key)?.at ?? 0)) uses.set(key, { chain, clientId, at });
  }
  return [...uses.values()];
}
