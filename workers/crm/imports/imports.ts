import type { ImportPlan } from "../csv/plan-import.ts";
import { makeId } from "../identifiers.ts";
import { foldPending } from "../search/fold-pending.ts";
import type { ChangeArguments } from "../store/change.ts";
import { COMPANY_FIELDS } from "../store/companies.ts";
import { CONTACT_FIELDS } from "../store/contacts.ts";
import { DEAL_FIELDS } from "../store/deals.ts";
import type { DuplicateKey } from "../store/duplicates.ts";
import { type IdempotentWrite, recallWrite, recordWrite } from "../store/idempotency.ts";
import type { JournalStore } from "../store/journal.ts";
import type { Stamp } from "../store/stamp.ts";
import { byId, keepVersions, MATCHES_VERSIONS, type VersionedTable } from "../store/versioned.ts";
import {
  findDeals,
  findDomains,
  findNamedCompanies,
  findNamedContacts,
  findTwins,
  findVersions,
  keysOf,
  type PersonToMatch,
  type Twin,
} from "./import-lookups.ts";
import type { Plan, PlanStore } from "./plans.ts";

/** One slice of an import: its writes, and the rows of the file that it skips. */
export interface ImportSlice extends Pick<ImportPlan, "create" | "update"> {
  left: ImportPlan["problems"];
  /** Idempotency key of the whole import; stored with its first slice. */
  write: IdempotentWrite;
  /** Summary in the list of changes. */
  summary: string;
  /** Arguments of the call, without the file. */
  args: ChangeArguments;
}

/** Maximum rows folded before a comparison with a file. */
const FOLDED_FIRST = 5_000;

const KEYS = ["email", "phone", "name"] as const satisfies readonly DuplicateKey[];
const PREFIX = { contacts: "con", companies: "cmp", deals: "deal" } as const;
const FIELDS: Readonly<Record<VersionedTable, readonly string[]>> = {
  contacts: CONTACT_FIELDS,
  companies: COMPANY_FIELDS,
  deals: DEAL_FIELDS,
};
/** A bound value has at most 2 MB, and a row of the longest texts over 3 KB. */
const ROWS_A_STATEMENT = 500;
/** Columns of a new row that are not in its fields; `?1` is the time. */
const NEW_COLUMNS: Readonly<Record<VersionedTable, Readonly<Record<string, string>>>> = {
  contacts: {},
  companies: {},
  deals: { stage: "value ->> '$.stage'", stage_since: "?1", last_activity_at: "?1" },
};

/** All SQL about imports. */
export class ImportStore {
  readonly #db: D1Database;
  readonly #journal: JournalStore;
  readonly #plans: PlanStore;

  constructor(db: D1Database, journal: JournalStore, plans: PlanStore) {
    this.#db = db;
    this.#journal = journal;
    this.#plans = plans;
  }

  /** See {@link findNamedCompanies}. */
  async findNamedCompanies(texts: readonly string[], ignore?: string) {
    await foldPending(this.#db, "companies", FOLDED_FIRST);
    return findNamedCompanies(this.#db, texts, ignore);
  }

  /** See {@link findNamedContacts}. */
  findNamedContacts(texts: readonly string[]): ReturnType<typeof findNamedContacts> {
    return findNamedContacts(this.#db, texts);
  }

  /** See {@link findVersions}. */
  findVersions(table: "contacts" | "companies", ids: readonly string[], ignore: string) {
    return findVersions(this.#db, table, ids, ignore);
  }

  /** See {@link findDomains}. */
  async findDomains(domains: readonly string[], ignore: string) {
    await foldPending(this.#db, "companies", FOLDED_FIRST);
    return findDomains(this.#db, domains, ignore);
  }

  /** See {@link findDeals}. */
  async findDeals(deals: Parameters<typeof findDeals>[1], ignore: string) {
    await foldPending(this.#db, "deals", FOLDED_FIRST);
    return findDeals(this.#db, deals, ignore);
  }

  /**
   * For each person, stored contacts that share a key and were not created by `ignore`; the most reliable key
   * first.
   */
  async findTwins(
    people: readonly PersonToMatch[],
    ignore: string,
  ): Promise<(Twin & { key: DuplicateKey })[][]> {
    await foldPending(this.#db, "contacts", FOLDED_FIRST);
    const keys = people.map(keysOf);
    const found = await Promise.all(
      KEYS.map((key) => {
        const values = keys.map((all) => all[key]).filter((value) => value !== null);
        return findTwins(this.#db, key, [...new Set(values)], ignore);
      }),
    );
    return keys.map((all) =>
      KEYS.flatMap((key, index) => {
        const value = all[key];
        const twins = value === null ? [] : (found[index]?.get(value) ?? []);
        // Two different full numbers are different, even if their last digits are equal.
        const same = twins.filter(({ e164 }) => key !== "phone" || !e164 || !all.e164 || e164 === all.e164);
        return same.map((twin) => ({ ...twin, key }));
      }),
    );
  }

  /**
   * Writes the next slice of an import, or nothing of it. `moved`: a stored record has changed since the
   * slice was made, or another call has written the slice, or the plan was stopped. `twin`: another call
   * imports the same file.
   */
  async runSlice(
    table: VersionedTable,
    plan: Plan,
    slice: ImportSlice,
    stamp: Stamp,
  ): Promise<"written" | "moved" | "twin"> {
    const created = slice.create.map(({ values }) => ({ id: makeId(PREFIX[table]), ...values }));
    const updated = slice.update.map(({ id, version, values }) => ({ id, version, ...values }));
    const change = this.#plans.tie(
      this.#journal.begin(plan.changeId, slice.args, plan.done),
      plan,
      JSON.stringify(slice.left),
    );
    if (plan.done === 0) change.also(...recordWrite(this.#db, slice.write, plan.changeId, stamp));
    const who = [stamp.at, stamp.userId, stamp.name] as const;
    if (updated.length > 0) {
      const pairs = JSON.stringify(updated.map(({ id, version }) => [id, version]));
      change
        .requireRow(
          `SELECT 1 WHERE (SELECT count(*) FROM ${table} ${byId(table)} WHERE ${MATCHES_VERSIONS}) = ?`,
          ...[pairs, updated.length],
        )
        .keepVersions(table, pairs)
        .step(
          `${keepVersions(table, FIELDS[table])} ${byId(table)} WHERE ${MATCHES_VERSIONS}`,
          ...[...who, pairs],
        );
    }
    for (const rows of cut(updated)) change.step(updateRows(table), ...who, JSON.stringify(rows));
    if (created.length > 0) change.make(table, JSON.stringify(created.map(({ id }) => id)));
    for (const rows of cut(created)) {
      const json = JSON.stringify(rows);
      change.step(insertRows(table), ...who, json);
      if (table === "deals") change.step(OPEN_HISTORY, ...who, json);
    }
    try {
      if ((await change.run("import", slice.summary, stamp)) === undefined) return "moved";
    } catch (failure) {
      if (!/(UNIQUE|FOREIGN KEY) constraint failed/.test(String(failure))) throw failure;
      // Meanwhile the other call was faster, or another user added one of these addresses or removed a
      // company.
      const winner = plan.done === 0 ? await recallWrite(this.#db, slice.write) : undefined;
      return winner === undefined || winner === plan.changeId ? "moved" : "twin";
    }
    // The rows are written; if this fails, the next search folds them.
    await foldPending(this.#db, table, created.length + updated.length).catch(() => 0);
    return "written";
  }
}

/** The first step of each new deal. */
const OPEN_HISTORY = `INSERT INTO deal_stage_history (deal_id, from_stage, to_stage, changed_at, changed_by, changed_by_name)
  SELECT value ->> '$.id', NULL, value ->> '$.stage', ?, ?, ? FROM json_each(?)`;

/** Binds the stamp and the rows as a JSON array of objects. */
function insertRows(table: VersionedTable): string {
  const fields = FIELDS[table];
  const more = Object.entries(NEW_COLUMNS[table]);
  const columns = [...fields, ...more.map(([name]) => name)];
  const values = [...fields.map((field) => `value ->> '$.${field}'`), ...more.map(([, value]) => value)];
  return `INSERT INTO ${table} (id, ${columns.join(", ")}, created_at, created_by, created_by_name, updated_at,
      updated_by, updated_by_name)
    SELECT value ->> '$.id', ${values.join(", ")}, ?1, ?2, ?3, ?1, ?2, ?3 FROM json_each(?4)`;
}

/** The same for existing rows; fields that an object omits keep their value. */
function updateRows(table: VersionedTable): string {
  const kept = FIELDS[table].map(
    (field) => `${field} = coalesce(j.value ->> '$.${field}', ${table}.${field})`,
  );
  return `UPDATE ${table} SET ${kept.join(", ")}, version = ${table}.version + 1, updated_at = ?1, updated_by = ?2,
      updated_by_name = ?3
    FROM json_each(?4) j WHERE ${table}.id = j.value ->> '$.id' AND ${table}.version = j.value ->> '$.version'`;
}

function cut<Row>(rows: readonly Row[]): Row[][] {
  const parts = Math.ceil(rows.length / ROWS_A_STATEMENT);
  return Array.from({ length: parts }, (_, index) =>
    rows.slice(index * ROWS_A_STATEMENT, (index + 1) * ROWS_A_STATEMENT),
  );
}
