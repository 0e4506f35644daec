import type { Plan, PlanStore } from "../imports/plans.ts";
import type { ChangeArguments } from "./change.ts";
import { COMPANY_FIELDS } from "./companies.ts";
import { CONTACT_FIELDS } from "./contacts.ts";
import { DEAL_FIELDS } from "./deals.ts";
import type { JournalStore } from "./journal.ts";
import type { Stamp } from "./stamp.ts";
import { byId, keepVersions, MATCHES_VERSIONS, type VersionedTable } from "./versioned.ts";

/** A row as the preview showed it. */
export type RowVersion = [id: string, version: number];

/** The new value of every row of a bulk update. `column` is a fixed name, never a caller's text. */
export interface BulkValue {
  table: VersionedTable;
  column: string;
  value: string | null;
}

const FIELDS: Readonly<Record<VersionedTable, readonly string[]>> = {
  companies: COMPANY_FIELDS,
  contacts: CONTACT_FIELDS,
  deals: DEAL_FIELDS,
};

/** All SQL about bulk updates. */
export class BulkStore {
  readonly #journal: JournalStore;
  readonly #plans: PlanStore;

  constructor(journal: JournalStore, plans: PlanStore) {
    this.#journal = journal;
    this.#plans = plans;
  }

  /**
   * Changes the rows of a plan's next part that still have the previewed version, as one slice of its change.
   * Returns false when another call has written this slice, or the plan was stopped.
   */
  async runSlice(
    plan: Plan,
    { table, column, value }: BulkValue,
    { total, args }: { total: number; args: ChangeArguments },
    stamp: Stamp,
  ) {
    const shown = JSON.stringify(await this.#plans.readPart<RowVersion[]>(plan.id, plan.done));
    const change = this.#journal
      .begin(plan.changeId, args, plan.done)
      .keepVersions(table, shown)
      .step(
        `${keepVersions(table, FIELDS[table])} ${byId(table)} WHERE ${MATCHES_VERSIONS}`,
        ...[stamp.at, stamp.userId, stamp.name, shown],
      )
      .step(
        `UPDATE ${table} ${byId(table)} SET ${column} = ?, version = version + 1, updated_at = ?, updated_by = ?,
           updated_by_name = ? WHERE ${MATCHES_VERSIONS}`,
        ...[value, stamp.at, stamp.userId, stamp.name, shown],
      );
    const summary = `${column} of up to ${total} ${table}`;
    return (await this.#plans.tie(change, plan).run("bulk_update", summary, stamp)) !== undefined;
  }
}
