import type {
  ApprovalItem,
  ApprovalState,
  DecidedApproval,
  Differences,
} from "../../../shared/objects/approval-gate.ts";

/** Milliseconds after a request's end that its arguments stay visible. */
const SHOWN_AFTER_END_MS = 60 * 60_000;

/** Milliseconds after a request's end that it is kept; the audit trail keeps the events. */
const KEPT_AFTER_END_MS = 30 * 24 * 60 * 60_000;

/** A request with the fields that only its object uses. */
export interface StoredApproval extends Omit<ApprovalItem, "approvalId" | "disconnected"> {
  id: string;
  /** The call that used it. */
  callId: string | null;
  /** Time of the last change. */
  touchedAt: number;
  /** SHA-256 of each argument's value by name, where the rule lets such calls be approved in advance. */
  digests?: Readonly<Record<string, string>>;
  /** Revision of the requester's role at the time of the request; absent in requests of earlier releases. */
  roleRevision?: number;
}

/** The changeable fields. */
type Change = Partial<Pick<StoredApproval, "state" | "callId" | "decision" | "outcome" | "touchedAt">> & {
  /** Whether the requester was told that it was refused or has expired. */
  told?: boolean;
};

type Row = { id: string; body: string; shown: string | null; revision: number };

/**
 * Requests in the Principal object's SQLite. Fields that never change or are only read together are one JSON
 * text; columns exist for what rows are searched by.
 */
export class ApprovalStore {
  readonly #sql: SqlStorage;
  /** Running calls that used an approval, cached because every ending call looks here. */
  readonly #running: Set<string>;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS approval (
         id TEXT PRIMARY KEY, binding TEXT NOT NULL, state TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0,
         call_id TEXT, expires_at INTEGER NOT NULL, touched_at INTEGER NOT NULL,
         revision INTEGER NOT NULL DEFAULT 1, projected INTEGER NOT NULL DEFAULT 0,
         body TEXT NOT NULL, shown TEXT) WITHOUT ROWID;
       CREATE INDEX IF NOT EXISTS approval_by_binding ON approval (binding, state);
       CREATE INDEX IF NOT EXISTS approval_by_state ON approval (state, expires_at);
       CREATE TABLE IF NOT EXISTS approval_last (subject TEXT PRIMARY KEY, digests TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;`,
    );
    const running = sql
      .exec<{ call_id: string }>(
        "SELECT call_id FROM approval WHERE state = 'executed' AND call_id IS NOT NULL",
      )
      .toArray();
    this.#running = new Set(running.map(({ call_id }) => call_id));
  }

  insert(binding: string, { shown, ...body }: StoredApproval): void {
    this.#sql.exec(
      `INSERT INTO approval (id, binding, state, expires_at, touched_at, body, shown) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...[
        body.id,
        binding,
        body.state,
        body.expiresAt,
        body.touchedAt,
        JSON.stringify(body),
        JSON.stringify(shown),
      ],
    );
  }

  update(id: string, { told, ...change }: Change): void {
    const found = this.read(id);
    if (found === null) return;
    const { shown: _shown, ...body } = { ...found, ...change };
    this.#sql.exec(
      `UPDATE approval SET state = ?, told = max(told, ?), call_id = ?, touched_at = ?, body = ?, revision = revision + 1
        WHERE id = ?`,
      ...[body.state, told ? 1 : 0, body.callId, body.touchedAt, JSON.stringify(body), id],
    );
    if (found.callId !== null) this.#running.delete(found.callId);
    if (body.state === "executed" && body.callId !== null) this.#running.add(body.callId);
  }

  read(id: string): StoredApproval | null {
    return this.#select("WHERE id = ?", id)[0] ?? null;
  }

  /**
   * The request that a call with this binding meets: an open one, or an ended one that the requester has not
   * been told of.
   */
  findUnfinished(binding: string): StoredApproval | undefined {
    return this.#select(
      `WHERE binding = ? AND (state IN ('pending', 'approved') OR (state IN ('refused', 'expired') AND told = 0))
       ORDER BY touched_at DESC LIMIT 1`,
      binding,
    )[0];
  }

  /** The request that a running call used. */
  findByCall(callId: string): StoredApproval | undefined {
    if (!this.#running.has(callId)) return undefined;
    return this.#select("WHERE state = 'executed' AND call_id = ?", callId)[0];
  }

  /** Open requests that have expired at `now`, or that last changed after `newest`. */
  listOverdue(now: number, newest: number): StoredApproval[] {
    return this.#select(
      "WHERE state IN ('pending', 'approved') AND (expires_at <= ? OR touched_at > ?)",
      now,
      newest,
    );
  }

  /** Requests of an app that a person decided at a time or after it, in that order; at most the newest thousand. */
  listDecided(clientId: string, since: number): DecidedApproval[] {
    return this.#sql
      .exec<{ body: string }>(
        `SELECT body FROM approval WHERE touched_at >= ?1 AND body ->> '$.decision.at' >= ?1
            AND body ->> '$.binding.clientId' = ?2 ORDER BY body ->> '$.decision.at' DESC, id DESC LIMIT 1000`,
        ...[since, clientId],
      )
      .toArray()
      .reverse()
      .flatMap(({ body }) => {
        const { id, binding, decision } = JSON.parse(body) as StoredApproval;
        if (decision === null) return [];
        const { at, granted, reason } = decision;
        return [{ id, at, server: binding.server, tool: binding.tool, granted, reason }];
      });
  }

  /** Requests that wait for a decision or for their call. */
  listOpen(): StoredApproval[] {
    return this.#select("WHERE state IN ('pending', 'approved')");
  }

  countOpen(): number {
    const [row] = this.#sql
      .exec<{ count: number }>(
        "SELECT count(*) AS count FROM approval WHERE state IN ('pending', 'approved')",
      )
      .toArray();
    return row?.count ?? 0;
  }

  /** Differences from the last request of the same app for the same tool; stores this one in its place. */
  compare(subject: string, digests: Readonly<Record<string, string>>, now: number): Differences {
    const [row] = this.#sql
      .exec<{ digests: string }>("SELECT digests FROM approval_last WHERE subject = ?", subject)
      .toArray();
    this.#sql.exec(
      "INSERT OR REPLACE INTO approval_last VALUES (?, ?, ?)",
      subject,
      JSON.stringify(digests),
      now,
    );
    if (!row) return { first: true, changed: [], missing: [] };
    const before = new Map(Object.entries(JSON.parse(row.digests) as Record<string, string>));
    return {
      first: false,
      changed: Object.keys(digests).filter((name) => before.get(name) !== digests[name]),
      missing: [...before.keys()].filter((name) => !Object.hasOwn(digests, name)),
    };
  }

  /** Deletes arguments that are no longer shown, and later the whole request. */
  forget(now: number): void {
    const ended = "state NOT IN ('pending', 'approved')";
    this.#sql.exec(
      `UPDATE approval SET shown = NULL WHERE shown IS NOT NULL AND ${ended} AND touched_at <= ?`,
      now - SHOWN_AFTER_END_MS,
    );
    this.#sql.exec(`DELETE FROM approval WHERE ${ended} AND touched_at <= ?`, now - KEPT_AFTER_END_MS);
    this.#sql.exec("DELETE FROM approval_last WHERE at <= ?", now - KEPT_AFTER_END_MS);
  }

  /** Time of the next expiry or deletion (milliseconds since the epoch), or `null`. */
  nextMoment(): number | null {
    const [row] = this.#sql
      .exec<{ at: number | null }>(
        `SELECT min(CASE WHEN state IN ('pending', 'approved') THEN expires_at
                         WHEN shown IS NOT NULL THEN touched_at + ${SHOWN_AFTER_END_MS}
                         ELSE touched_at + ${KEPT_AFTER_END_MS} END) AS at FROM approval`,
      )
      .toArray();
    return row?.at ?? null;
  }

  /** Requests whose current state the platform database does not have. */
  listUnprojected(): (StoredApproval & { revision: number })[] {
    return this.#sql
      .exec<Row>("SELECT id, body, shown, revision FROM approval WHERE projected < revision LIMIT 50")
      .toArray()
      .map((row) => ({ ...toStored(row), revision: row.revision }));
  }

  /** Marks a revision of a request as written to the platform database. */
  markProjected(id: string, revision: number): void {
    this.#sql.exec("UPDATE approval SET projected = max(projected, ?) WHERE id = ?", revision, id);
  }

  #select(where: string, ...bindings: (string | number)[]): StoredApproval[] {
    return this.#sql
      .exec<Row>(`SELECT id, body, shown, revision FROM approval ${where}`, ...bindings)
      .toArray()
      .map(toStored);
  }
}

function toStored({ body, shown }: Row): StoredApproval {
  const stored = JSON.parse(body) as Omit<StoredApproval, "shown">;
  return {
    ...stored,
    state: stored.state as ApprovalState,
    shown: shown === null ? null : JSON.parse(shown),
  };
}
