import { type CheckedEvent, EVENT_COLUMNS, isSameEvent } from "../ingest/read-events.ts";

/** Result of storing the events of one call. */
export interface Ingestion {
  stored: number;
  /** Number of keys already stored with the same content. */
  duplicates: number;
  /** Keys already stored with other content; their events are not stored. */
  conflicts: string[];
  /** Members that dimensions did not have before. */
  newMembers: { dimension: string; member: string }[];
}

const COLUMNS = ["event_key", ...EVENT_COLUMNS] as const;

const DIMENSIONS = ["region", "country", "segment", "channel", "category", "product", "campaign"] as const;

/** Characters of one JSON parameter, well below D1's two million bytes in any script. */
const CHUNK_CHARACTERS = 400_000;
/** Maximum new members to list; a longer list suggests a mixed-up field. */
const MAX_NEW_MEMBERS = 20;

/**
 * Stores events, each key once, all of a call or none; triggers maintain the rollups. Repeated events change
 * nothing. A customer's earliest order is the first one unless its sender says otherwise; a trigger moves
 * that mark when an earlier order arrives late (migration 0004). An empty list is valid.
 */
export async function storeEvents(db: D1Database, events: readonly CheckedEvent[]): Promise<Ingestion> {
  // D1 refuses an empty batch.
  if (events.length === 0) return { stored: 0, duplicates: 0, conflicts: [], newMembers: [] };
  const known = await readKnown(db, events);
  const newMembers = await findNewMembers(db, events);
  const isConflict = (event: CheckedEvent) => {
    const stored = known.get(event.event_key);
    return stored !== undefined && !isSameEvent(event, stored);
  };
  const conflicts = events.filter(isConflict).map(({ event_key }) => event_key);
  const sorted = [...events].sort((a, b) => (a.occurred_at < b.occurred_at ? -1 : 1));
  const rows = sorted.map((event) => COLUMNS.map((column) => event[column]));
  const fields = COLUMNS.slice(0, -1).map((_, index) => `value ->> ${index}`);
  const insert = db.prepare(
    `INSERT INTO events (${COLUMNS.join(", ")}, new_customer_sent)
     SELECT ${fields.join(", ")}, coalesce(value ->> 14, NOT EXISTS (
       SELECT 1 FROM events AS e
       WHERE e.kind = 'order' AND e.customer_id = value ->> 3 AND e.occurred_at <= value ->> 1
     ) AND row_number() OVER (PARTITION BY value ->> 2, value ->> 3 ORDER BY key) = 1), value ->> 14
     FROM json_each(?) WHERE true ORDER BY key
     ON CONFLICT (event_key) WHERE event_key IS NOT NULL DO NOTHING
     RETURNING event_key`,
  );
  const results = await db.batch(chunkJson(rows).map((chunk) => insert.bind(chunk)));
  const stored = results.reduce((count, { results: inserted }) => count + inserted.length, 0);
  return { stored, duplicates: events.length - stored - conflicts.length, conflicts, newMembers };
}

/** Stored events with the keys of the given ones. */
async function readKnown(
  db: D1Database,
  events: readonly CheckedEvent[],
): Promise<ReadonlyMap<string, CheckedEvent>> {
  // The sender's own value, not the one that later events changed.
  const columns = COLUMNS.map((column) =>
    column === "new_customer" ? "iif(kind = 'order', new_customer_sent, 0) AS new_customer" : column,
  );
  const select = db.prepare(
    `SELECT ${columns.join(", ")} FROM events WHERE event_key IN (SELECT value FROM json_each(?))`,
  );
  const chunks = chunkJson(events.map(({ event_key }) => event_key));
  const results = await db.batch<CheckedEvent>(chunks.map((chunk) => select.bind(chunk)));
  return new Map(results.flatMap(({ results: rows }) => rows.map((row) => [row.event_key, row] as const)));
}

async function findNewMembers(
  db: D1Database,
  events: readonly CheckedEvent[],
): Promise<Ingestion["newMembers"]> {
  const pairs = new Set(
    events.flatMap((event) =>
      DIMENSIONS.map((dimension) => JSON.stringify([dimension, event[dimension] ?? "(none)"])),
    ),
  );
  const select = db.prepare(
    `SELECT value ->> 0 AS dimension, value ->> 1 AS member FROM json_each(?) AS pair WHERE NOT EXISTS (
       SELECT 1 FROM dimension_members AS known
       WHERE known.dimension = pair.value ->> 0 AND known.member = pair.value ->> 1
     ) LIMIT ?`,
  );
  const chunks = chunkJson([...pairs].map((pair) => JSON.parse(pair) as unknown));
  const results = await db.batch<{ dimension: string; member: string }>(
    chunks.map((chunk) => select.bind(chunk, MAX_NEW_MEMBERS)),
  );
  return results
    .flatMap(({ results: rows }) => rows)
    .filter(({ member }) => member !== "(none)")
    .slice(0, MAX_NEW_MEMBERS);
}

/** Splits values into JSON lists of limited length. D1 takes values of two million bytes. */
function chunkJson(values: readonly unknown[]): string[] {
  const chunks: string[][] = [];
  let room = 0;
  for (const value of values) {
    const text = JSON.stringify(value);
    if (text.length > room) {
      chunks.push([]);
      room = CHUNK_CHARACTERS;
    }
    chunks.at(-1)?.push(text);
    room -= text.length + 1;
  }
  return chunks.map((chunk) => `[${chunk.join(",")}]`);
}
