import type { Link } from "../../../../shared/audit/chain.ts";
import { type ArrivedLink, MOST_OF_SEGMENT, StoredTrail } from "../../../../shared/audit/read-stored.ts";
import type { AuditRecord } from "../../../../shared/audit/record.ts";
import { type TrailBindings, trailSource } from "../../../audit-log/trail-source.ts";
import { namePeople } from "../names.ts";

/** Records on one page. */
const PAGE_SIZE = 50;

/** A stored record as the console shows it. */
export interface ListedRecord {
  chain: string;
  /** Name of the chain's person; `null` for a chain of the system, and for a person who was erased. */
  name: string | null;
  sequence: number;
  /** Milliseconds since the epoch. */
  at: number;
  type: string;
  /** JSON; `null` when it was removed. */
  event: string | null;
}

/** SQL: the arrival after which the next records before `?1` begin: about a page of them, or the rest of a segment. */
const BEGIN = `
  SELECT max(ifnull((SELECT min(through - records) FROM (
                       SELECT through, records, sum(records) OVER (ORDER BY through DESC) - records AS newer FROM (
                         SELECT through, records FROM audit_segment
                          WHERE through < ?1 + ${MOST_OF_SEGMENT} AND through - records < ?1 - 1
                          ORDER BY through DESC LIMIT ${PAGE_SIZE + 1}))
                      WHERE newer <= ${PAGE_SIZE}), 0),
             ifnull((SELECT min(id) - 1 FROM (
                       SELECT id FROM audit_record WHERE id < ?1 ORDER BY id DESC LIMIT ${PAGE_SIZE + 1})), 0)) AS after`;

/** One page of the trail, newest first; `next` is the number to go on before, or `null` at the end. */
export async function listRecords(
  env: TrailBindings,
  chain: string | null,
  before: number,
): Promise<{ records: ListedRecord[]; next: number | null }> {
  const trail = new StoredTrail(trailSource(env));
  // Within a chain its places lead; over all of them the order in which records were stored.
  const newestFirst =
    chain === null
      ? await readNewest(env, trail, before)
      : (await trail.readChain(chain, { through: before - 1, most: PAGE_SIZE + 1, newest: true })).reverse();
  const page = newestFirst.slice(0, PAGE_SIZE);
  const people = await namePeople(env.PLATFORM_DB, [...new Set(page.map((link) => link.chain))]);
  const last = page.at(-1);
  const next = newestFirst.length > PAGE_SIZE && last !== undefined ? numberOf(last) : null;
  return { records: page.map((link) => listRecord(link, people)), next };
}

/** The newest records before an arrival number: more than a page of them, or all. */
async function readNewest(env: TrailBindings, trail: StoredTrail, before: number): Promise<ArrivedLink[]> {
  const found: ArrivedLink[] = [];
  for (let end = before; found.length <= PAGE_SIZE && end > 1; ) {
    const begin = await env.PLATFORM_DB.prepare(BEGIN).bind(end).first<{ after: number }>();
    const after = begin?.after ?? 0;
    found.push(...(await trail.readArrivals(after, end - 1)).reverse());
    end = after + 1;
  }
  return found;
}

function numberOf(link: Link | ArrivedLink): number {
  return "arrival" in link ? link.arrival : link.sequence;
}

function listRecord(link: Link, people: ReadonlyMap<string, string>): ListedRecord {
  const { at, type, event } = JSON.parse(link.body) as AuditRecord & { event?: { type: string } };
  const { chain, sequence } = link;
  return {
    chain,
    name: people.get(chain) ?? null,
    sequence,
    at,
    type: type ?? event?.type ?? "",
    event: link.event,
  };
}
