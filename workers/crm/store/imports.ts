import type { ImportPlan } from "../csv/plan-import.ts";
import { makeId } from "../identifiers.ts";
import { COMPANY_FIELDS } from "./companies.ts";
import { CONTACT_FIELDS } from "./contacts.ts";
import type { DuplicateKey } from "./duplicates.ts";
import { type IdempotentWrite, recallWrite, recordWrite } from "./idempotency.ts";
import { findDomains, findNamedCompanies, findTwins, keysOf, type Twin } from "./import-lookups.ts";
import type { JournalStore } from "./journal.ts";
import type { Stamp } from "./stamp.ts";
import { byId, keepVersions, MATCHES_VERSIONS } from "./versioned.ts";

/** How an import ended; `replayed` when an earlier call with its key did it. */
export interface ImportResult {
  changeId: string;
  /** A day; left out when it was replayed. */
  undoUntil?: string;
  replayed: boolean;
}

type Person = Parameters<typeof keysOf>[0];

const KEYS = ["email", "phone", "name"] as const satisfies readonly DuplicateKey[];
const FIELDS = { contacts: CONTACT_FIELDS, companies: COMPANY_FIELDS } as const;
const ROWS_PER_STATEMENT = 500;

/** All SQL about imports. */
export class ImportStore {
  readonly #db: D1Database;
  readonly #journal: JournalStore;

  constructor(db: D1Database, journal: JournalStore) {
    this.#db = db;
    this.#journal = journal;
  }

  /** See {@link findNamedCompanies}. */
  findNamedCompanies(texts: readonly string[]): ReturnType<typeof findNamedCompanies> {
    return findNamedCompanies(this.#db, texts);
  }

  /** See {@link findDomains}. */
  findDomains(domains: readonly string[]): ReturnType<typeof findDomains> {
    return findDomains(this.#db, domains);
  }

  /** For each person, who on file shares a key with them; the surest key first. */
  async findTwins(people: readonly Person[]): Promise<(Twin & { key: DuplicateKey })[][]> {
    const keys = people.map(keysOf);
    const found = await Promise.all(
      KEYS.map((key) => {
        const values = keys.map((all) => all[key]).filter((value) => value !== null);
        return findTwins(this.#db, key, [...new Set(values)]);
      }),
    );
    return keys.map((all) =>
      KEYS.flatMap((key, index) => {
        const value = all[key];
        const twins = value === null ? [] : (found[index]?.get(value) ?? []);
        return twins.map((twin) => ({ ...twin, key }));
      }),
    );
  }

  /**
   * Does all of a plan or nothing, as one change that can be undone. Gives `undefined` when something on file has
   * changed since the plan was made.
   */
  async run(
    table: "contacts" | "companies",
    plan: Pick<ImportPlan, "create" | "update">,
    write: IdempotentWrite,
    stamp: Stamp,
  ): Promise<ImportResult | undefined> {
    const earlier = await recallWrite(this.#db, write);
    if (earlier !== undefined) return { changeId: earlier, replayed: true };
    const changeId = makeId("chg");
    const prefix = table === "contacts" ? "con" : "cmp";
    const created = plan.create.map(({ values }) => ({ id: makeId(prefix), ...values }));
    const updated = plan.update.map(({ id, version, values }) => ({ id, version, ...values }));
    const change = this.#journal.begin(changeId).also(...recordWrite(this.#db, write, changeId, stamp));
    if (updated.length > 0) {
      const pairs = JSON.stringify(updated.map(({ id, version }) => [id, version]));
      change
        .requireRow(
          `SELECT 1 WHERE (SELECT count(*) FROM ${table} ${byId(table)} WHERE ${MATCHES_VERSIONS}) = ?`,
          pairs,
          updated.length,
        )
        .keepVersions(table, pairs)
        .step(
          `${keepVersions(table, FIELDS[table])} ${byId(table)} WHERE ${MATCHES_VERSIONS}`,
          stamp.at,
          stamp.userId,
          stamp.name,
          pairs,
        );
    }
    for (const rows of cut(updated))
      change.step(updateRows(table), stamp.at, stamp.userId, stamp.name, JSON.stringify(rows));
    for (const rows of cut(created)) {
      change
        .make(table, JSON.stringify(rows.map(({ id }) => id)))
        .step(insertRows(table), stamp.at, stamp.userId, stamp.name, JSON.stringify(rows));
    }
    try {
      const summary = `${created.length} new and ${updated.length} changed ${table}`;
      const undoUntil = await change.run("import", summary, stamp);
      return undoUntil === undefined ? undefined : { changeId, undoUntil, replayed: false };
    } catch (failure) {
      // Its twin was faster, or somebody has entered one of these addresses meanwhile.
      const winner = await recallWrite(this.#db, write);
      if (winner !== undefined) return { changeId: winner, replayed: true };
      if (/UNIQUE constraint failed/.test(String(failure))) return undefined;
      throw failure;
    }
  }
}

/** Binds the stamp and the rows as a JSON array of objects. */
function insertRows(table: "contacts" | "companies"): string {
  const fields: readonly string[] = FIELDS[table];
  const values = fields.map((field) => `value ->> '$.${field}'`);
  return `INSERT INTO ${table} (id, ${fields.join(", ")}, created_at, created_by, created_by_name, updated_at,
      updated_by, updated_by_name)
    SELECT value ->> '$.id', ${values.join(", ")}, ?1, ?2, ?3, ?1, ?2, ?3 FROM json_each(?4)`;
}

/** The same for rows that are there; fields that an object leaves out stay. */
function updateRows(table: "contacts" | "companies"): string {
  const fields: readonly string[] = FIELDS[table];
  const kept = fields.map((field) => `${field} = coalesce(j.value ->> '$.${field}', ${table}.${field})`);
  return `UPDATE ${table} SET ${kept.join(", ")}, version = ${table}.version + 1, updated_at = ?1, updated_by = ?2,
      updated_by_name = ?3
    FROM json_each(?4) j WHERE ${table}.id = j.value ->> '$.id' AND ${table}.version = j.value ->> '$.version'`;
}

function cut<Row>(rows: readonly Row[]): Row[][] {
  const parts = Math.ceil(rows.length / ROWS_PER_STATEMENT);
  return Array.from({ length: parts }, (_, index) =>
    rows.slice(index * ROWS_PER_STATEMENT, (index + 1) * ROWS_PER_STATEMENT),
  );
}
