import { foldText } from "../../../shared/text/fold-text.ts";
import { type SearchPage, type SearchRequest, type SearchTable, searchPage } from "../search/search.ts";
import type { IdempotentWrite } from "./idempotency.ts";
import type { Stamp } from "./stamp.ts";
import { createRecord, updateRecord } from "./versioned.ts";

/** A stored company, with its owner's name. */
export interface CompanyRow {
  seq: number;
  id: string;
  name: string;
  domain: string | null;
  industry: string | null;
  region: string | null;
  city: string | null;
  country: string | null;
  employees: number | null;
  phone: string | null;
  owner_id: string | null;
  owner_name: string | null;
  last_activity_at: string | null;
  updated_by_name: string;
  version: number;
}

/** The editable columns. `domain` is in lower case. */
export const COMPANY_FIELDS = [
  "name",
  "domain",
  "industry",
  "region",
  "city",
  "country",
  "employees",
  "phone",
  "owner_id",
] as const satisfies readonly (keyof CompanyRow)[];

/** The editable fields. */
export type CompanyFields = Pick<CompanyRow, (typeof COMPANY_FIELDS)[number]>;

const COLUMNS = `c.seq, c.id, c.name, c.domain, c.industry, c.region, c.city, c.country, c.employees, c.phone,
  c.owner_id, o.name AS owner_name, c.last_activity_at, c.updated_by_name, c.version`;

const SEARCH: SearchTable = {
  table: "companies",
  columns: { name: "name", rest: ["domain", "place"] },
  select: `SELECT ${COLUMNS} FROM hit JOIN companies c ON c.seq = hit.seq LEFT JOIN owners o ON o.id = c.owner_id`,
};

const SEARCH_WITH_PHONES: SearchTable = { ...SEARCH, phones: "companies_phones" };

/** All SQL about companies. */
export class CompanyStore {
  readonly #db: D1Database;

  readonly #search: SearchTable;

  /** `findsPhones`: whether the caller sees telephone numbers and can search by them. */
  constructor(db: D1Database, findsPhones: boolean) {
    this.#db = db;
    this.#search = findsPhones ? SEARCH_WITH_PHONES : SEARCH;
  }

  /** One page of companies by name, web domain, place or industry. */
  async search(request: SearchRequest): Promise<SearchPage<CompanyRow>> {
    return await searchPage<CompanyRow>(this.#db, this.#search, request);
  }

  /** One company, or `null`. */
  async get(id: string): Promise<CompanyRow | null> {
    return await this.#db
      .prepare(`SELECT ${COLUMNS} FROM companies c LEFT JOIN owners o ON o.id = c.owner_id WHERE c.id = ?`)
      .bind(id)
      .first<CompanyRow>();
  }

  /** Several companies; unknown ids are omitted. */
  async getMany(ids: readonly string[]): Promise<CompanyRow[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT ${COLUMNS} FROM json_each(?) j CROSS JOIN companies c ON c.id = j.value
         LEFT JOIN owners o ON o.id = c.owner_id`,
      )
      .bind(JSON.stringify(ids))
      .all<CompanyRow>();
    return results;
  }

  /** Companies with exactly this name, in any spelling of its letters. */
  async listByName(name: string, limit: number): Promise<CompanyRow[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT ${COLUMNS} FROM companies c LEFT JOIN owners o ON o.id = c.owner_id
         WHERE c.match_name = ? LIMIT ?`,
      )
      .bind(foldText(name), limit)
      .all<CompanyRow>();
    return results;
  }

  /** The companies with the latest contact; newest first. */
  async listActive(limit: number): Promise<CompanyRow[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT ${COLUMNS} FROM companies c LEFT JOIN owners o ON o.id = c.owner_id
         WHERE c.last_activity_at > '' ORDER BY c.last_activity_at DESC, c.seq DESC LIMIT ?`,
      )
      .bind(limit)
      .all<CompanyRow>();
    return results;
  }

  /** The oldest company with this web domain, or `null`. */
  async findByDomain(domain: string): Promise<string | null> {
    return await this.#db
      .prepare("SELECT id FROM companies WHERE match_domain = ? ORDER BY seq LIMIT 1")
      .bind(domain)
      .first<string>("id");
  }

  /** Adds a company. With `write`, a repeated call returns the result of the first one. */
  async create(
    id: string,
    fields: CompanyFields,
    stamp: Stamp,
    write: IdempotentWrite | undefined,
  ): Promise<{ id: string; replayed: boolean }> {
    return await createRecord(this.#db, "companies", id, { ...fields }, stamp, write);
  }

  /** Changes fields of the version that the caller has read. Returns whether that version was current. */
  async update(id: string, version: number, changes: Partial<CompanyFields>, stamp: Stamp): Promise<boolean> {
    return await updateRecord(this.#db, "companies", COMPANY_FIELDS, id, version, changes, stamp);
  }
}
