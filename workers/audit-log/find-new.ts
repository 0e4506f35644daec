import { StoredTrail } from "../../shared/audit/read-stored.ts";
import { log } from "../../shared/observe/log.ts";
import type { PlacedLink } from "./store-records.ts";
import { type TrailBindings, trailSource } from "./trail-source.ts";

/** A place, and the hash of the record that stands there in `audit_record`. */
type Taken = { chain: string; sequence: number; hash: string };
/** Places of one chain that are stored in a segment, or were cut. */
type Range = { chain: string; first: number; last: number };

const IN_TABLE = `
  SELECT stored.chain, stored.sequence, stored.hash FROM json_each(?) AS sent
   CROSS JOIN audit_record AS stored
      ON stored.chain = sent.value ->> 'chain' AND stored.sequence BETWEEN sent.value ->> 'from' AND sent.value ->> 'to'`;

// By part: `from` and `to` are the first and the last sequence that is asked for. Spans of a part do not overlap, so the one
// before `from` is the only earlier one that can reach it: a person's day may have thousands.
const IN_SEGMENTS = `
  SELECT part.chain, span.first, span.last FROM json_each(?) AS sent
   CROSS JOIN audit_part AS part ON part.chain = sent.value ->> 'chain' AND part.day = sent.value ->> 'day'
   CROSS JOIN audit_span AS span ON span.part = part.id AND span.first <= sent.value ->> 'to' AND span.first >= ifnull(
         (SELECT before.first FROM audit_span AS before WHERE before.part = part.id AND before.first <= sent.value ->> 'from'
           ORDER BY before.first DESC LIMIT 1), sent.value ->> 'from')
   WHERE span.last >= sent.value ->> 'from'`;

const CUT = `
  SELECT cut.chain, 1 AS first, cut.through AS last FROM json_each(?) AS sent
   CROSS JOIN audit_cut AS cut ON cut.chain = sent.value ->> 'chain'`;

/**
 * The records that are not stored yet. One from before the beginning of a chain that was cut had its time: it counts as
 * stored. A stored record with another hash stays as it is, and the log names the place: which of the two is true is for
 * people to find out, not to be overwritten.
 *
 * @param fromTable - the records come from `audit_record` themselves
 */
export async function findNew(
  env: TrailBindings,
  links: readonly PlacedLink[],
  fromTable: boolean,
): Promise<readonly PlacedLink[]> {
  const days = [...Map.groupBy(links, ({ chain, day }) => JSON.stringify([chain, day])).values()].map(
    (own) => ({
      chain: own[0]?.chain,
      day: own[0]?.day,
      from: Math.min(...own.map(({ sequence }) => sequence)),
      to: Math.max(...own.map(({ sequence }) => sequence)),
    }),
  );
  const asked = JSON.stringify(days);
  const database = env.PLATFORM_DB;
  const [rows, spans, cuts] = await database.batch([
    database.prepare(IN_TABLE).bind(fromTable ? "[]" : asked),
    database.prepare(IN_SEGMENTS).bind(asked),
    database.prepare(CUT).bind(asked),
  ]);
  const taken = (rows?.results ?? []) as Taken[];
  const inTable = new Map(taken.map((row) => [`${row.sequence} ${row.chain}`, row.hash]));
  const inSegments = findIn((spans?.results ?? []) as Range[]);
  const cut = findIn((cuts?.results ?? []) as Range[]);
  const again = links.filter((link) => inSegments(link));
  await Promise.all([
    reportOthers(links, (link) => inTable.get(`${link.sequence} ${link.chain}`)),
    again.length === 0 ? undefined : reportAgain(env, again),
  ]);
  return links.filter(
    (link) => !inTable.has(`${link.sequence} ${link.chain}`) && !inSegments(link) && !cut(link),
  );
}

function findIn(ranges: readonly Range[]): (link: PlacedLink) => boolean {
  const chains = Map.groupBy(ranges, ({ chain }) => chain);
  return ({ chain, sequence }) =>
    (chains.get(chain) ?? []).some(({ first, last }) => sequence >= first && sequence <= last);
}

/** Compares records that are stored in segments, which their bodies tell. */
async function reportAgain(env: TrailBindings, links: readonly PlacedLink[]): Promise<void> {
  const trail = new StoredTrail(trailSource(env));
  for (const [chain, own] of Map.groupBy(links, (link) => link.chain)) {
    const [from, through] = [own[0]?.sequence ?? 0, own.at(-1)?.sequence ?? 0];
    const stored = await trail.readChain(chain, { from, through, most: through - from + 1 });
    const hashes = new Map(stored.map(({ sequence, hash }) => [sequence, hash]));
    await reportOthers(own, ({ sequence }) => hashes.get(sequence));
  }
}

async function reportOthers(
  links: readonly PlacedLink[],
  storedHash: (link: PlacedLink) => string | undefined,
): Promise<void> {
  for (const link of links) {
    const stored = storedHash(link);
    if (stored === undefined || stored === link.hash) continue;
    log("error", "audit_record_conflict", { chain: link.chain, sequence: link.sequence });
  }
}
