import { type IdempotentWrite, recallWrite, recordWrite } from "./idempotency.ts";
import type { Stamp } from "./stamp.ts";

/** The tables whose rows have a version that every change increments. */
export type VersionedTable = "companies" | "contacts" | "deals";

/** Field values in stored form. */
export type FieldValues = Readonly<Record<string, string | number | null | undefined>>;

/** The statements that add a row with its stamp and, with `write`, its idempotency key. */
function insertRecord(
  db: D1Database,
  table: VersionedTable,
  id: string,
  values: FieldValues,
  stamp: Stamp,
  write: IdempotentWrite | undefined,
): D1PreparedStatement[] {
  const fields = Object.keys(values);
  const stamped = [
    "created_at",
    "created_by",
    "created_by_name",
    "updated_at",
    "updated_by",
    "updated_by_name",
  ];
  const who = [stamp.at, stamp.userId, stamp.name];
  const columns = ["id", ...fields, ...stamped];
  const insert = db
    .prepare(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`)
    .bind(id, ...fields.map((field) => values[field] ?? null), ...who, ...who);
  return [...(write ? recordWrite(db, write, id, stamp) : []), insert];
}

/**
 * Adds a row, unless `write` was done before. Returns the id that this or the earlier call created; a
 * repeated call that lost the race finds the other call's row.
 */
export async function createRecord(
  db: D1Database,
  table: VersionedTable,
  id: string,
  values: FieldValues,
  stamp: Stamp,
  write: IdempotentWrite | undefined,
  also: readonly D1PreparedStatement[] = [],
): Promise<{ id: string; replayed: boolean }> {
  return await writeOnce(db, write, id, [...insertRecord(db, table, id, values, stamp, write), ...also]);
}

/** Runs the statements of a write that creates `id`, or returns the id of an earlier call with its key. */
export async function writeOnce(
  db: D1Database,
  write: IdempotentWrite | undefined,
  id: string,
  statements: D1PreparedStatement[],
): Promise<{ id: string; replayed: boolean }> {
  const earlier = write && (await recallWrite(db, write));
  if (earlier !== undefined) return { id: earlier, replayed: true };
  try {
    await db.batch(statements);
  } catch (failure) {
    const winner = write && (await recallWrite(db, write));
    if (winner !== undefined) return { id: winner, replayed: true };
    throw failure;
  }
  return { id, replayed: false };
}

/**
 * Changes fields of the version that the caller has read, and keeps the old values of `fields` with the user
 * who replaced them. Returns whether a row was changed; none is, when the version is no longer current.
 */
export async function updateRecord(
  db: D1Database,
  table: VersionedTable,
  fields: readonly string[],
  id: string,
  version: number,
  changes: FieldValues,
  stamp: Stamp,
): Promise<boolean> {
  const changed = fields.filter((field) => changes[field] !== undefined);
  const keepOld = db
    .prepare(`${keepVersions(table, fields)} WHERE id = ? AND version = ?`)
    .bind(stamp.at, stamp.userId, stamp.name, id, version);
  const update = db
    .prepare(
      `UPDATE ${table} SET ${changed.map((field) => `${field} = ?, `).join("")}
         version = version + 1, updated_at = ?, updated_by = ?, updated_by_name = ?
       WHERE id = ? AND version = ?`,
    )
    .bind(...changed.map((field) => changes[field] ?? null), stamp.at, stamp.userId, stamp.name, id, version);
  const [, result] = await db.batch([keepOld, update]);
  return (result?.meta.changes ?? 0) > 0;
}

/**
 * `INSERT … SELECT` that keeps the current values of rows, to be continued with WHERE; binds the stamp first.
 */
export function keepVersions(table: VersionedTable, fields: readonly string[]): string {
  const snapshot = fields.map((field) => `'${field}', ${field}`).join(", ");
  return `INSERT INTO record_versions (record_id, version, snapshot, replaced_at, replaced_by, replaced_by_name)
    SELECT id, version, json_object(${snapshot}), ?, ?, ? FROM ${table}`;
}

/** The index of `id`, by name: the planner would scan a table while it is small. */
export function byId(table: VersionedTable): string {
  return `INDEXED BY sqlite_autoindex_${table}_1`;
}

/** Condition for rows that still have the version that was read; binds a JSON array of `[id, version]`. */
export const MATCHES_VERSIONS = "(id, version) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))";
