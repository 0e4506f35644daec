import { GrantUseRecords } from "../../objects/grants/grant-uses.ts";
import { RefreshHistory, readTokenIds } from "./refresh-history.ts";

/** Owner of a record. A token's record names the grant that it was issued from. */
export interface RecordKey {
  key: string;
  kind: "grant" | "token";
  grantId: string;
}

/** A record as read. `version` changes with every write. */
export interface StoredRecord {
  value: string;
  version: string;
}

/** Content to write. `metadata` is JSON; `expiresAt` is in Unix seconds. Both are optional. */
export interface RecordContent {
  value: string;
  metadata: string | null;
  expiresAt: number | null;
}

/** Writes only if the record still has this version; `null` means that it did not exist. */
export interface Expectation {
  version: string | null;
}

/** `gone`: the grant was revoked or has expired. `changed`: another request wrote first. */
export type Written = { written: true; version: string } | { written: false; reason: "gone" | "changed" };

/** One line of a listing, as KV returns it, with `metadata` as JSON text. */
export interface ListedKey {
  name: string;
  metadata: string | null;
  expiresAt: number | null;
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS records (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, grant_id TEXT NOT NULL, value TEXT NOT NULL, metadata TEXT,
    expires_at INTEGER, version TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS records_by_grant ON records (grant_id, kind)`;

const LIVE = "(expires_at IS NULL OR expires_at > ?)";

/**
 * Grants and tokens of one user. Every method is synchronous, so no other request runs between its
 * statements. A token lives only while its grant does: removing a grant removes all its tokens, and a token
 * for a missing grant is refused. An object that never stored anything has no tables and returns nothing, so
 * guessed tokens cost no storage. Times are Unix seconds.
 */
export class GrantRecords {
  readonly history: RefreshHistory;
  readonly uses: GrantUseRecords;
  readonly #sql: SqlStorage;
  #prepared: boolean;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.history = new RefreshHistory(sql);
    this.uses = new GrantUseRecords(sql);
    this.#prepared = sql.exec("SELECT 1 FROM sqlite_schema WHERE name = 'records'").toArray().length > 0;
  }

  get isPrepared(): boolean {
    return this.#prepared;
  }

  read(key: string, now: number): StoredRecord | null {
    if (!this.#prepared) return null;
    const [row] = this.#sql
      .exec<{ value: string; version: string }>(
        `SELECT value, version FROM records WHERE key = ? AND ${LIVE}`,
        key,
        now,
      )
      .toArray();
    return row ?? null;
  }

  write(at: RecordKey, content: RecordContent, expected: Expectation | null, now: number): Written {
    this.#prepare();
    const before = this.read(at.key, now);
    if (expected !== null && expected.version !== (before?.version ?? null)) {
      return { written: false, reason: before === null ? "gone" : "changed" };
    }
    if (at.kind === "token" && this.#findGrant(at.grantId, now) === null)
      return { written: false, reason: "gone" };
    if (at.kind === "grant" && before !== null) {
      this.history.follow(at.grantId, before.value, content.value, now);
    }
    const version = crypto.randomUUID();
    this.#sql.exec(
      "REPLACE INTO records (key, kind, grant_id, value, metadata, expires_at, version) VALUES (?, ?, ?, ?, ?, ?, ?)",
      at.key,
      at.kind,
      at.grantId,
      content.value,
      content.metadata,
      content.expiresAt,
      version,
    );
    return { written: true, version };
  }

  hasGrant(grantId: string, now: number): boolean {
    return this.#findGrant(grantId, now) !== null;
  }

  /** Whether this is the id of a live grant's newest refresh token. */
  isNewestToken(grantId: string, tokenId: string, now: number): boolean {
    const grant = this.#findGrant(grantId, now);
    return grant !== null && readTokenIds(grant).newest === tokenId;
  }

  remove({ key, kind, grantId }: RecordKey): void {
    if (!this.#prepared) return;
    if (kind === "grant") this.removeGrant(grantId);
    else this.#sql.exec("DELETE FROM records WHERE key = ?", key);
  }

  /** Ends a grant with its tokens and its history. */
  removeGrant(grantId: string): void {
    if (!this.#prepared) return;
    this.#sql.exec("DELETE FROM records WHERE grant_id = ?", grantId);
    this.history.forget(grantId);
    this.uses.forget(grantId);
  }

  /** Ids of all grants, including ended ones that are not swept yet. */
  listGrants(): string[] {
    if (!this.#prepared) return [];
    return this.#sql
      .exec<{ grant_id: string }>("SELECT DISTINCT grant_id FROM records")
      .toArray()
      .map(({ grant_id }) => grant_id);
  }

  /** Keys with `prefix` after `after`, in the order of their UTF-8 bytes, as KV lists them. */
  list(prefix: string, after: string, limit: number, now: number): ListedKey[] {
    if (!this.#prepared) return [];
    return this.#sql
      .exec<{ name: string; metadata: string | null; expiresAt: number | null }>(
        `SELECT key AS name, metadata, expires_at AS expiresAt FROM records
          WHERE key >= ? AND substr(key, 1, length(?)) = ? AND key > ? AND ${LIVE} ORDER BY key LIMIT ?`,
        prefix,
        prefix,
        prefix,
        after,
        now,
        limit,
      )
      .toArray();
  }

  /** Removes expired records. Returns when the next record expires, or `null` if none does. */
  removeExpired(now: number): number | null {
    if (!this.#prepared) return null;
    const ended = this.#sql
      .exec<{ grant_id: string }>(
        "SELECT grant_id FROM records WHERE kind = 'grant' AND expires_at <= ?",
        now,
      )
      .toArray();
    for (const { grant_id } of ended) this.removeGrant(grant_id);
    this.#sql.exec("DELETE FROM records WHERE expires_at <= ?", now);
    this.history.removeExpired(now);
    return this.#sql.exec<{ next: number | null }>("SELECT min(expires_at) AS next FROM records").one().next;
  }

  #findGrant(grantId: string, now: number): string | null {
    if (!this.#prepared) return null;
    const [row] = this.#sql
      .exec<{ value: string }>(
        `SELECT value FROM records WHERE grant_id = ? AND kind = 'grant' AND ${LIVE}`,
        grantId,
        now,
      )
      .toArray();
    return row?.value ?? null;
  }

  #prepare(): void {
    if (this.#prepared) return;
    this.#sql.exec(TABLES);
    this.history.createTables();
    this.#prepared = true;
  }
}
