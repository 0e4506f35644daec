import { appendLink, EMPTY_CHAIN, type Head, type Link } from "../../../shared/audit/chain.ts";
import { MOST_OF_SEGMENT } from "../../../shared/audit/read-stored.ts";
import type { AuditEvent, CallDetails } from "../../../shared/audit/record.ts";
import { storeLinks } from "../../../workers/audit-log/store-records.ts";
import type { TrailBindings } from "../../../workers/audit-log/trail-source.ts";

/** Records that come to the consumer together: one segment, with the second record of the last call. */
const CHUNK = MOST_OF_SEGMENT - 1;
/** Days over which the calls are spread, up to the reference date. */
const DAYS = 60;
const DAY_MS = 86_400_000;
/** A denial is one record, every other call two. */
const RECORDS_A_CALL = 1.97;

const OPERATIONS = [
  ["crm", "crm_find_contacts", 60],
  ["crm", "crm_get_customer", 90],
  ["crm", "crm_move_deal", 140],
  ["crm", "crm_list_tasks", 45],
  ["crm", "crm_update_contact", 120],
  ["analytics", "analytics_query", 400],
  ["analytics", "analytics_sql", 900],
  ["analytics", "analytics_compare", 700],
  ["knowledge", "search", 30],
  ["knowledge", "fetch", 20],
  ["knowledge", "knowledge_update_article", 200],
] as const;

/** Numbers from 0 to below 1 that are the same in every run (mulberry32). */
function createChance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * Stores whole chains of calls through the consumer of the trail, as segments, rows to search by and counts, newest at `asOf`: of 100 calls 92 end well, 3 fail, 3 are denied, one is over a limit and
 * one asks. Each record is linked and committed to as a person's object does it.
 *
 * @param records - how many at least
 */
export async function loadTrail(
  env: TrailBindings,
  records: number,
  people: readonly string[],
  asOf: number,
): Promise<void> {
  const chance = createChance(7);
  const heads = new Map<string, Head>();
  const step = (DAYS * DAY_MS) / (records / RECORDS_A_CALL);
  const pick = <T>(list: readonly T[]): T =>
    list[Math.floor(chance() ** 1.6 * list.length)] ?? (list[0] as T);
  let waiting: Link[] = [];
  const add = (chain: string, event: AuditEvent, at: number) => {
    const link = appendLink(chain, heads.get(chain) ?? EMPTY_CHAIN, event, Math.round(at));
    heads.set(chain, { sequence: link.sequence, hash: link.hash, at: Math.round(at) });
    waiting.push(link);
  };
  for (let call = 0, stored = 0; stored + waiting.length < records; call += 1) {
    const at = asOf - DAYS * DAY_MS + call * step;
    const person = pick(people);
    const [server, name, usual] = pick(OPERATIONS);
    const details: CallDetails = {
      callId: crypto.randomUUID(),
      traceId: crypto.randomUUID().replaceAll("-", ""),
      startedAt: Math.round(at),
      clientId: `bench-app-${Math.floor(chance() * 12)}`,
      sessionId: null,
      lane: "stateless",
      kind: "tool",
      server,
      name,
      ip: "192.0.2.7",
      country: "DE",
      policy: "1:0123456789abcdef",
      rule: "roles.sales.allowed_tools[2]",
      arguments: { query: "string", limit: "number" },
      unknownArguments: 0,
      argumentsDigest: "0".repeat(64),
    };
    const fate = chance();
    if (fate < 0.03) {
      add(person, { type: "denial", decision: fate < 0.02 ? "deny" : "scope", ...details }, at);
    } else {
      add(person, { type: "intent", decision: "allow", ...details }, at);
      const durationMs = Math.round(
        usual * (0.4 + 1.2 * chance() ** 3) + (chance() < 0.02 ? 4_000 * chance() : 0),
      );
      const error = fate < 0.05 ? "not_found" : fate < 0.06 ? "timeout" : fate < 0.07 ? "rate_limited" : null;
      const status = error !== null ? "failed" : fate < 0.08 ? "input_required" : "ok";
      add(
        person,
        { type: "outcome", callId: details.callId, status, error, durationMs, bytes: 900 },
        at + durationMs,
      );
    }
    if (waiting.length < CHUNK) continue;
    await storeLinks(env, waiting);
    stored += waiting.length;
    waiting = [];
  }
  await storeLinks(env, waiting);
}
