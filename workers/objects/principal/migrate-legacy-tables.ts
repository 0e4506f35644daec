import { EMPTY_CHAIN, type Head } from "../../../shared/audit/chain.ts";
import type { Entry, PageState, StoredLink } from "./audit-page-store.ts";
import type { DayUse } from "./daily-quota.ts";

type OlderLink = StoredLink & { at: number; stored: number };
type OlderState = { places: { callId: string; leaseMs: number }[]; use: DayUse };

/**
 * Objects of the previous release have separate tables for records, admitted calls, open calls and the
 * limits' state. Returns their content as entries of a page and drops the tables. A view replaces the first
 * table, so that the previous release, after a roll-back, refuses calls instead of starting the chain again.
 */
export function migrateLegacyTables(sql: SqlStorage): { entries: Entry[]; state: PageState } | null {
  const tables = new Set(
    sql
      .exec<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .toArray()
      .map(({ name }) => name),
  );
  if (!tables.has("audit_link")) return null;
  addDisclosures(sql);
  const read = <Row extends Record<string, SqlStorageValue>>(table: string, query: string): Row[] =>
    tables.has(table) ? sql.exec<Row>(query).toArray() : [];
  const links = read<OlderLink>(
    "audit_link",
    "SELECT sequence, body, hash, salt, event, stored, body ->> '$.at' AS at FROM audit_link ORDER BY sequence",
  );
  const opened = read<{ callId: string; chain: string; at: number }>(
    "open_call",
    "SELECT call_id AS callId, chain, at FROM open_call ORDER BY at",
  );
  const passed = read<{ at: number; clientId: string; costlyTool: string | null }>(
    "passed_calls",
    "SELECT at, client_id AS clientId, costly_tool AS costlyTool FROM passed_calls ORDER BY seq",
  );
  const [kept] = read<{ state: string }>("limit_state", "SELECT state FROM limit_state");
  const limits: OlderState = kept
    ? (JSON.parse(kept.state) as OlderState)
    : { places: [], use: { day: 0, units: 0 } };
  const leases = new Map(limits.places.map(({ callId, leaseMs }) => [callId, leaseMs]));

  const entries: Entry[] = [
    ...links.filter(({ stored }) => stored === 0).map(({ at: _at, stored: _stored, ...link }) => ({ link })),
    ...passed.map((call) => ({ passed: call })),
    ...opened.map((call) => ({ opened: { ...call, leaseMs: leases.get(call.callId) ?? null } })),
  ];
  for (const table of ["audit_link", "open_call", "passed_calls", "limit_state"]) {
    sql.exec(`DROP TABLE IF EXISTS ${table}`);
  }
  sql.exec("CREATE VIEW audit_link AS SELECT 1 AS sequence, NULL AS salt WHERE 0");
  const head: Head = links.at(-1) ?? EMPTY_CHAIN;
  return {
    entries,
    state: { head: { sequence: head.sequence, hash: head.hash, at: head.at }, use: limits.use },
  };
}

/** Older objects have no columns for events: their records hold them in `body`. */
function addDisclosures(sql: SqlStorage): void {
  const [older] = sql
    .exec("SELECT 1 FROM sqlite_schema WHERE name = 'audit_link' AND sql NOT LIKE '%salt%'")
    .toArray();
  if (!older) return;
  sql.exec("ALTER TABLE audit_link ADD COLUMN salt TEXT; ALTER TABLE audit_link ADD COLUMN event TEXT");
}
