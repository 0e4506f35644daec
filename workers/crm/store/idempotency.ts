import { ToolError } from "../../../shared/call/tool-error.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { KEY_KEPT_MS, KEY_OF_ANOTHER_WRITE } from "../../../shared/server/idempotency.ts";
import type { Stamp } from "./stamp.ts";

/**
 * A write that its caller may repeat safely. Keys belong to one user: users cannot reach each other's keys.
 */
export interface IdempotentWrite {
  userId: string;
  key: string;
  tool: string;
  /** SHA-256 of the arguments, so that one key cannot be used for two different writes. */
  fingerprint: string;
}

const PURGED_AT_ONCE = 100;

/** Identifies a write by its caller, key and arguments. */
export function describeWrite(
  userId: string,
  key: string,
  tool: string,
  input: Readonly<Record<string, JsonValue | undefined>>,
): IdempotentWrite {
  const entries = Object.entries(input).sort(([a], [b]) => (a < b ? -1 : 1));
  return { userId, key, tool, fingerprint: digestText(JSON.stringify(entries)) };
}

/**
 * The id that an earlier call with this key created, or `undefined` when there was none. Throws `conflict`
 * when the key was used for something else.
 */
export async function recallWrite(db: D1Database, write: IdempotentWrite): Promise<string | undefined> {
  const row = await db
    .prepare("SELECT tool, fingerprint, entity_id FROM idempotency_keys WHERE user_id = ? AND key = ?")
    .bind(write.userId, write.key)
    .first<{ tool: string; fingerprint: string; entity_id: string }>();
  if (!row) return undefined;
  if (row.tool !== write.tool || row.fingerprint !== write.fingerprint) {
    const { message, action } = KEY_OF_ANOTHER_WRITE;
    throw new ToolError("conflict", message, { suggestedAction: action });
  }
  return row.entity_id;
}

/**
 * The statements that record a write; in its batch, a used key makes the whole batch fail. They also remove
 * some keys that are older than a week, so that the table stays small without a separate job.
 */
export function recordWrite(
  db: D1Database,
  write: IdempotentWrite,
  entityId: string,
  stamp: Stamp,
): D1PreparedStatement[] {
  const oldest = new Date(Date.parse(stamp.at) - KEY_KEPT_MS).toISOString();
  return [
    db
      .prepare(
        `DELETE FROM idempotency_keys WHERE (user_id, key) IN (
           SELECT user_id, key FROM idempotency_keys WHERE created_at < ? ORDER BY created_at LIMIT ?)`,
      )
      .bind(oldest, PURGED_AT_ONCE),
    db
      .prepare(
        `INSERT INTO idempotency_keys (user_id, key, tool, fingerprint, entity_id, created_at)
         VALUES (?, ?, ?, ?, ?, ?)`,
      )
      .bind(write.userId, write.key, write.tool, write.fingerprint, entityId, stamp.at),
  ];
}
