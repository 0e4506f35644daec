import type { ApprovalStore } from "./approval-store.ts";

const WRITE = `
  INSERT INTO approval (id, requester, client_id, server, tool, state, self_approval, asked_at, expires_at, decided_by, touched_at, revision)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
  ON CONFLICT (id) DO UPDATE SET state = ?6, decided_by = ?10, touched_at = ?11, revision = ?12
   WHERE revision < ?12`;

/**
 * Writes changed approvals to the platform database, for the pages: requester, tool and state, no arguments.
 * An older state never replaces a newer one, so repeated or late writes are harmless.
 */
export async function projectApprovals(store: ApprovalStore, database: D1Database): Promise<void> {
  for (let changed = store.listUnprojected(); changed.length > 0; changed = store.listUnprojected()) {
    const statement = database.prepare(WRITE);
    await database.batch(
      changed.map((item) =>
        statement.bind(
          ...[
            item.id,
            item.requester,
            item.binding.clientId,
            item.binding.server,
            item.binding.tool,
            item.state,
          ],
          ...[item.selfApproval ? 1 : 0, item.askedAt, item.expiresAt, item.decision?.by ?? null],
          ...[item.touchedAt, item.revision],
        ),
      ),
    );
    for (const { id, revision } of changed) store.markProjected(id, revision);
  }
}
