import type { Definition } from "../../../shared/connections/definitions.ts";
import { canonicalize, digestText } from "../../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";

/** State of a definition that was found at a connected system. */
export type DefinitionState = "waiting" | "approved" | "replaced" | "withdrawn";

/** A definition as it is stored. */
export interface StoredDefinition {
  type: Definition["type"];
  name: string;
  digest: string;
  document: string;
  state: DefinitionState;
  /** Milliseconds since the epoch: when the other system last offered it. */
  seenAt: number;
}

/** Most definitions of a connection that wait; the earliest seen are forgotten. */
const MOST_WAITING = 5_000;

/** Statements of one batch. */
const BATCH = 50;

/**
 * Stores what a connected system offers now. A definition that is new, by content, waits for review, and one that was
 * replaced waits again. One that an administrator withdrew or refused stays so with the same content. One that waits takes the place of another that waits under
 * its type and name: a server that says something else at each look fills nothing. Returns those that wait since now.
 */
export async function storeFound(
  database: D1Database,
  connection: string,
  definitions: readonly Definition[],
  now: number,
): Promise<Definition[]> {
  const rows = definitions.map((one) => {
    const document = canonicalize(one as unknown as JsonValue);
    return { one, document, digest: digestText(document) };
  });
  const known = new Map(
    (await listFound(database, connection)).map(({ type, name, digest, state }) => [
      `${type} ${name} ${digest}`,
      state,
    ]),
  );
  const isFresh = ({ one, digest }: (typeof rows)[number]) => {
    const state = known.get(`${one.type} ${one.name} ${digest}`);
    return state === undefined;
  };
  for (let start = 0; start < rows.length; start += BATCH) {
    await database.batch(
      rows.slice(start, start + BATCH).flatMap(({ one, document, digest }) => [
        database
          .prepare(
            `DELETE FROM connection_definition
              WHERE connection = ?1 AND type = ?2 AND name = ?3 AND state = 'waiting' AND digest <> ?4`,
          )
          .bind(connection, one.type, one.name, digest),
        database
          .prepare(
            `INSERT INTO connection_definition (connection, type, name, digest, document, state, found_at, seen_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'waiting', ?6, ?6)
             ON CONFLICT DO UPDATE SET seen_at = max(seen_at, ?6)`,
          )
          .bind(connection, one.type, one.name, digest, document, now),
      ]),
    );
  }
  if (!rows.some(isFresh)) return [];
  await database
    .prepare(
      `DELETE FROM connection_definition WHERE connection = ?1 AND state = 'waiting' AND rowid NOT IN
         (SELECT rowid FROM connection_definition WHERE connection = ?1 AND state = 'waiting'
           ORDER BY seen_at DESC LIMIT ${MOST_WAITING})`,
    )
    .bind(connection)
    .run();
  return rows.filter(isFresh).map(({ one }) => one);
}

/** Every definition of a connection that was ever found, without those that were replaced long ago. */
export async function listFound(database: D1Database, connection: string): Promise<StoredDefinition[]> {
  const { results } = await database
    .prepare(
      `SELECT type, name, digest, document, state, seen_at AS seenAt FROM connection_definition
        WHERE connection = ? ORDER BY type, name, found_at`,
    )
    .bind(connection)
    .all<StoredDefinition>();
  return results;
}

/**
 * Approves definitions by their digests: each replaces the approved one of the same type and name. Returns those that
 * were not approved before.
 *
 * @param by - who approves, for the record
 */
export async function approveDefinitions(
  database: D1Database,
  connection: string,
  digests: readonly string[],
  { by, now }: { by: string; now: number },
): Promise<Pick<StoredDefinition, "type" | "name" | "digest">[]> {
  const approved: Pick<StoredDefinition, "type" | "name" | "digest">[] = [];
  for (const digest of digests) {
    const [, { results = [] } = {}] = await database.batch<
      Pick<StoredDefinition, "type" | "name" | "digest">
    >([
      database
        .prepare(
          `UPDATE connection_definition SET state = 'replaced' WHERE connection = ?1 AND state = 'approved'
             AND (type, name) IN (SELECT type, name FROM connection_definition
                                   WHERE connection = ?1 AND digest = ?2 AND state <> 'approved')`,
        )
        .bind(connection, digest),
      database
        .prepare(
          `UPDATE connection_definition SET state = 'approved', decided_at = ?3, decided_by = ?4
            WHERE connection = ?1 AND digest = ?2 AND state <> 'approved' RETURNING type, name, digest`,
        )
        .bind(connection, digest, now, by),
    ]);
    approved.push(...results);
  }
  return approved;
}

/** Decides against definitions that wait, by their digests. Returns them. */
export async function refuseDefinitions(
  database: D1Database,
  connection: string,
  digests: readonly string[],
  { by, now }: { by: string; now: number },
): Promise<Pick<StoredDefinition, "type" | "name" | "digest">[]> {
  const { results } = await database
    .prepare(
      `UPDATE connection_definition SET state = 'withdrawn', decided_at = ?1, decided_by = ?2
        WHERE connection = ?3 AND state IN ('waiting', 'replaced') AND digest IN (SELECT value FROM json_each(?4))
        RETURNING type, name, digest`,
    )
    .bind(now, by, connection, JSON.stringify(digests))
    .all<Pick<StoredDefinition, "type" | "name" | "digest">>();
  return results;
}

/** Takes back approvals, by type and name: nothing of them is in the next publication. */
export async function withdrawDefinitions(
  database: D1Database,
  connection: string,
  names: readonly { type: string; name: string }[],
  { by, now }: { by: string; now: number },
): Promise<void> {
  await database.batch(
    names.map(({ type, name }) =>
      database
        .prepare(
          `UPDATE connection_definition SET state = 'withdrawn', decided_at = ?, decided_by = ?
            WHERE connection = ? AND type = ? AND name = ? AND state = 'approved'`,
        )
        .bind(now, by, connection, type, name),
    ),
  );
}
