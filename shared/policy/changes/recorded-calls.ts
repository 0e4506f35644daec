import type { PlatformDatabase } from "../../encoding/platform-database.ts";

/** Rows per read. */
const PAGE = 5_000;

/** One call in the audit trail, which does not store arguments. */
export interface RecordedCall {
  callId: string;
  userId: string;
  clientId: string;
  kind: string;
  name: string;
  /** Decision: `allow`, `approval`, `scope` or `deny`. */
  decision: string;
  rule: string;
  ip: string | null;
  country: string | null;
  /** Milliseconds since the epoch. */
  at: number;
}

/** The event of a record as JSON; records of version 1 contain it directly. */
const EVENT = "coalesce(event, body -> '$.event')";

const field = (name: string) => `event ->> '$.${name}'`;

/**
 * Reads the calls since a time, oldest first. A call that was admitted and then refused, because of its
 * arguments or a change of role or policy, counts as refused; a call that needed approval counts as such,
 * approved or not.
 *
 * @param most - how many of the newest records are read
 */
export async function readCalls(
  database: PlatformDatabase,
  since: number,
  most = Number.MAX_SAFE_INTEGER,
): Promise<RecordedCall[]> {
  const calls = new Map<string, RecordedCall>();
  for (let after = await findStart(database, most), full = true; full; ) {
    const rows = await database.query(
      `SELECT id, chain, type, ${field("callId")} AS call_id, ${field("clientId")} AS client_id, ${field("kind")} AS kind, ${field("name")} AS name,
              ${field("decision")} AS decision, ${field("rule")} AS rule, ${field("ip")} AS ip,
              ${field("country")} AS country, ${field("error")} AS error, ${field("startedAt")} AS at
         FROM (SELECT id, chain, type, at, ${EVENT} AS event FROM audit_record WHERE id > ${after} AND at >= ${since})
        WHERE type IN ('intent', 'denial', 'approval_executed')
           OR (type = 'outcome' AND ${field("error")} IN ('forbidden', 'approval_required'))
        ORDER BY id LIMIT ${PAGE};`,
    );
    for (const row of rows) {
      const callId = String(row.call_id);
      const known = calls.get(callId);
      if (row.type === "outcome" || row.type === "approval_executed") {
        if (known) known.decision = row.error === "forbidden" ? "deny" : "approval";
        continue;
      }
      if (known) {
        // Denied later: the rule that denied it is the newer one.
        Object.assign(known, { decision: String(row.decision), rule: String(row.rule) });
        continue;
      }
      calls.set(callId, {
        callId,
        userId: String(row.chain),
        clientId: String(row.client_id),
        kind: String(row.kind),
        name: String(row.name),
        decision: String(row.decision),
        rule: String(row.rule),
        ip: row.ip === null ? null : String(row.ip),
        country: row.country === null ? null : String(row.country),
        at: Number(row.at),
      });
    }
    after = Number(rows.at(-1)?.id ?? after);
    full = rows.length === PAGE;
  }
  return [...calls.values()];
}

/** The id behind which the newest records begin. */
async function findStart(database: PlatformDatabase, most: number): Promise<number> {
  if (most === Number.MAX_SAFE_INTEGER) return 0;
  const [row] = await database.query(
    `SELECT id FROM audit_record ORDER BY id DESC LIMIT 1 OFFSET ${Math.trunc(most)};`,
  );
  return Number(row?.id ?? 0);
}
