import { ToolError } from "../../../shared/call/tool-error.ts";
import { readEmail } from "../identity/read-email.ts";
import {
  isFiled,
  type SearchPage,
  type SearchRequest,
  type SearchTable,
  searchPage,
} from "../search/search.ts";
import type { IdempotentWrite } from "./idempotency.ts";
import type { Stamp } from "./stamp.ts";
import { createRecord, keepVersions, updateRecord } from "./versioned.ts";

/** A stored contact, with the names of its company and owner. */
export interface ContactRow {
  seq: number;
  id: string;
  first_name: string;
  last_name: string;
  title: string | null;
  email: string | null;
  phone: string | null;
  company_id: string | null;
  company_name: string | null;
  owner_id: string | null;
  owner_name: string | null;
  last_activity_at: string | null;
  updated_at: string;
  updated_by_name: string;
  version: number;
}

/** The editable fields. `email` is in lower case. */
export type ContactFields = Pick<
  ContactRow,
  "first_name" | "last_name" | "title" | "email" | "phone" | "company_id" | "owner_id"
>;

/** Result of a write. `duplicate` names the contact that already has the e-mail address. */
export type ContactWrite =
  | { outcome: "written"; contact: ContactRow; replayed: boolean }
  | { outcome: "duplicate"; id: string }
  | { outcome: "stale"; contact: ContactRow }
  | { outcome: "missing" };

/** The columns of {@link ContactFields}. */
export const CONTACT_FIELDS = [
  "first_name",
  "last_name",
  "title",
  "email",
  "phone",
  "company_id",
  "owner_id",
] as const satisfies readonly (keyof ContactFields)[];

const COLUMNS = `p.seq, p.id, p.first_name, p.last_name, p.title, p.email, p.phone, p.company_id,
  c.name AS company_name, p.owner_id, o.name AS owner_name, p.last_activity_at, p.updated_at, p.updated_by_name,
  p.version`;

const JOINS = "LEFT JOIN companies c ON c.id = p.company_id LEFT JOIN owners o ON o.id = p.owner_id";

const SEARCH: SearchTable = {
  table: "contacts",
  names: "contacts_names_fts",
  phones: "contacts_phones",
  columns: { name: "name", rest: ["email", "company"] },
  select: `SELECT ${COLUMNS} FROM hit JOIN contacts p ON p.seq = hit.seq ${JOINS}`,
};

/**
 * Search for callers who do not see names and addresses: by company only. Otherwise a search by prefixes
 * would reveal them letter by letter.
 */
const SEARCH_BY_COMPANY: SearchTable = {
  table: "contacts",
  names: "contacts_names_fts",
  columns: { name: "company", rest: [] },
  select: SEARCH.select,
};

/** The statement that keeps the current values of a contact before another statement changes them. */
export function keepContactVersion(id: string, stamp: Stamp): { sql: string; values: string[] } {
  const sql = `${keepVersions("contacts", CONTACT_FIELDS)} WHERE id = ?`;
  return { sql, values: [stamp.at, stamp.userId, stamp.name, id] };
}

/** An e-mail address in its stored form; any other text in lower case. */
function storedEmail(text: string): string {
  const read = readEmail(text);
  return "value" in read ? read.value : text.trim().toLowerCase();
}

/** All SQL about contacts. */
export class ContactStore {
  readonly #db: D1Database;
  /** Whether the caller can search people by name and e-mail address. */
  readonly findsPeople: boolean;

  constructor(db: D1Database, findsPeople: boolean) {
    this.#db = db;
    this.findsPeople = findsPeople;
  }

  /**
   * One page of contacts by name, e-mail address or company. A complete, known e-mail address returns its
   * contact only.
   */
  async search(request: SearchRequest): Promise<SearchPage<ContactRow>> {
    if (!this.findsPeople) return await searchPage<ContactRow>(this.#db, SEARCH_BY_COMPANY, request);
    if (request.text.includes("@") && request.facets.length === 0 && !isFiled(request) && !request.after) {
      const contact = await this.getByEmail(request.text);
      if (contact) return { match: "all_words", rows: [contact], next: undefined };
    }
    return await searchPage<ContactRow>(this.#db, SEARCH, request);
  }

  /** One contact, or `null`. */
  async get(id: string): Promise<ContactRow | null> {
    return await this.#db
      .prepare(`SELECT ${COLUMNS} FROM contacts p ${JOINS} WHERE p.id = ?`)
      .bind(id)
      .first<ContactRow>();
  }

  /** Several contacts; unknown ids are omitted. */
  async getMany(ids: readonly string[]): Promise<ContactRow[]> {
    const { results } = await this.#db
      .prepare(`SELECT ${COLUMNS} FROM json_each(?) j CROSS JOIN contacts p ON p.id = j.value ${JOINS}`)
      .bind(JSON.stringify(ids))
      .all<ContactRow>();
    return results;
  }

  /** The contact with this e-mail address, or `null`; also for callers who cannot search people by it. */
  async getByEmail(email: string): Promise<ContactRow | null> {
    return this.findsPeople ? await this.#readByEmail(email) : null;
  }

  async #readByEmail(email: string): Promise<ContactRow | null> {
    return await this.#db
      .prepare(`SELECT ${COLUMNS} FROM contacts p ${JOINS} WHERE p.email = ?`)
      .bind(storedEmail(email))
      .first<ContactRow>();
  }

  /** Adds a contact. With `write`, a repeated call returns the result of the first one. */
  async create(
    id: string,
    fields: ContactFields,
    stamp: Stamp,
    write: IdempotentWrite | undefined,
  ): Promise<ContactWrite> {
    try {
      const made = await createRecord(this.#db, "contacts", id, { ...fields }, stamp, write);
      return await this.#reread(made.id, made.replayed);
    } catch (failure) {
      return await this.#explainFailure(failure, fields.email, id);
    }
  }

  /**
   * Changes fields of the version that the caller has read, and keeps the old values with the user who
   * replaced them.
   */
  async update(
    id: string,
    version: number,
    changes: Partial<ContactFields>,
    stamp: Stamp,
  ): Promise<ContactWrite> {
    try {
      if (await updateRecord(this.#db, "contacts", CONTACT_FIELDS, id, version, changes, stamp)) {
        return await this.#reread(id, false);
      }
    } catch (failure) {
      return await this.#explainFailure(failure, changes.email, id);
    }
    const contact = await this.get(id);
    return contact ? { outcome: "stale", contact } : { outcome: "missing" };
  }

  /** Finds the constraint behind a failed batch, which changed nothing; rethrows an unknown failure. */
  async #explainFailure(
    failure: unknown,
    email: string | null | undefined,
    id: string,
  ): Promise<ContactWrite> {
    if (failure instanceof ToolError) throw failure;
    const holder = email ? await this.#readByEmail(email) : null;
    if (holder && holder.id !== id) return { outcome: "duplicate", id: holder.id };
    throw failure;
  }

  async #reread(id: string, replayed: boolean): Promise<ContactWrite> {
    const contact = await this.get(id);
    return contact ? { outcome: "written", contact, replayed } : { outcome: "missing" };
  }
}
