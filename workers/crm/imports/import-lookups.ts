import { foldText } from "../../../shared/text/fold-text.ts";
import { keyOfName } from "../identity/match-keys.ts";
import { readDomain } from "../identity/read-domain.ts";
import { keyOfEmail, readEmail } from "../identity/read-email.ts";
import { readPhone } from "../identity/read-phone.ts";
import type { DuplicateKey } from "../store/duplicates.ts";

/** A stored contact that shares a key with a row. */
export interface Twin {
  id: string;
  version: number;
  first: string;
  last: string;
  e164: string | null;
}

const TWINS_READ = 5;

/** Values per look-up: a file may name tens of thousands, and a bound value has at most 2 MB. */
const VALUES_AT_ONCE = 1_000;

/** Condition: the row was not made by this change; binds its id. */
const notMadeBy = (table: string, at: string) =>
  `NOT EXISTS (SELECT 1 FROM change_rows r WHERE r.row_id = ${table}.id AND r.change_id = ${at})`;

/** Runs a query for many values, in batches; the first bound value is a JSON array of them. */
async function askInParts<Row>(
  db: D1Database,
  sql: string,
  values: readonly unknown[],
  ...others: string[]
): Promise<Row[]> {
  const statements = Array.from({ length: Math.ceil(values.length / VALUES_AT_ONCE) }, (_, part) => {
    const some = values.slice(part * VALUES_AT_ONCE, (part + 1) * VALUES_AT_ONCE);
    return db.prepare(sql).bind(JSON.stringify(some), ...others);
  });
  if (statements.length === 0) return [];
  const answers = await db.batch<Row>(statements);
  return answers.flatMap(({ results }) => results);
}

/** Data of a person for the keys; `country` is that of the company, by its English name. */
export interface PersonToMatch {
  first_name: string;
  last_name: string;
  email: string | null;
  phone: string | null;
  company_id: string | null;
  country?: string | null;
}

/**
 * The keys of a person, as the columns `match_email`, `match_phone` and `match_name` of contacts hold them; a
 * test compares both.
 */
export function keysOf(person: PersonToMatch): Record<DuplicateKey, string | null> & { e164: string | null } {
  const phone = person.phone === null ? null : readPhone(person.phone, person.country ?? null);
  return {
    email: person.email && keyOfEmail(person.email),
    phone: phone?.key ?? null,
    e164: phone?.e164 ?? null,
    name: person.company_id && `${person.company_id}|${keyOfName(person.first_name, person.last_name)}`,
  };
}

/**
 * Contacts that share a key and were not created by the change `ignore`, at most five per key, the oldest
 * first.
 */
export async function findTwins(
  db: D1Database,
  key: DuplicateKey,
  values: readonly string[],
  ignore: string,
): Promise<Map<string, Twin[]>> {
  const results = await askInParts<{ key: string; twins: string }>(
    db,
    `SELECT j.value AS key, (
       SELECT json_group_array(json_object(
           'id', id, 'version', version, 'first', first_name, 'last', last_name, 'e164', e164))
       FROM (SELECT id, version, first_name, last_name, e164 FROM contacts
             WHERE match_${key} = j.value AND ${notMadeBy("contacts", "?2")} ORDER BY seq LIMIT ${TWINS_READ})
     ) AS twins FROM json_each(?1) j`,
    values,
    ignore,
  );
  return new Map(results.map((row) => [row.key, JSON.parse(row.twins) as Twin[]]));
}

/** The versions of the records with these ids, except those created by the change `ignore`. */
export async function findVersions(
  db: D1Database,
  table: "contacts" | "companies",
  ids: readonly string[],
  ignore: string,
): Promise<Map<string, number>> {
  const rows = await askInParts<{ id: string; version: number }>(
    db,
    `SELECT t.id, t.version FROM json_each(?1) j CROSS JOIN ${table} t ON t.id = j.value
     WHERE ${notMadeBy("t", "?2")}`,
    ids,
    ignore,
  );
  return new Map(rows.map(({ id, version }) => [id, version]));
}

/** The oldest company with each web domain, with its version, except those created by the change `ignore`. */
export async function findDomains(
  db: D1Database,
  domains: readonly string[],
  ignore: string,
): Promise<Map<string, { id: string; version: number }>> {
  const results = await askInParts<{ domain: string; id: string; version: number }>(
    db,
    `SELECT j.value AS domain, c.id, c.version FROM json_each(?1) j
     CROSS JOIN companies c ON c.match_domain = j.value WHERE ${notMadeBy("c", "?2")} ORDER BY c.seq DESC`,
    domains,
    ignore,
  );
  return new Map(results.map(({ domain, ...company }) => [domain, company]));
}

/** A company that a text may refer to. */
export interface NamedCompany {
  id: string;
  version: number;
  owner_id: string | null;
  country: string | null;
}

/**
 * Companies that an id, a web domain or a whole name refers to, in any spelling of its letters, except those
 * created by the change `ignore`; at most three per text.
 */
export async function findNamedCompanies(
  db: D1Database,
  texts: readonly string[],
  ignore = "",
): Promise<Map<string, NamedCompany[]>> {
  const some = (where: string) =>
    `(SELECT json_group_array(json_object(
        'id', id, 'version', version, 'owner_id', owner_id, 'country', country))
      FROM (SELECT id, version, owner_id, country FROM companies WHERE ${where} AND ${notMadeBy("companies", "?2")} LIMIT 3))`;
  const results = await askInParts<{ text: string; by_id: string; by_domain: string; by_name: string }>(
    db,
    `SELECT j.value ->> 0 AS text, ${some("id = j.value ->> 0")} AS by_id,
       ${some("match_domain = j.value ->> 1")} AS by_domain, ${some("match_name = j.value ->> 2")} AS by_name
     FROM json_each(?1) j`,
    texts.map((text) => [text, storedDomain(text), foldText(text)]),
    ignore,
  );
  const read = (json: string) => JSON.parse(json) as NamedCompany[];
  return new Map(
    results.map((row) => {
      const found = [read(row.by_id), read(row.by_domain), read(row.by_name)];
      return [row.text, found.find((companies) => companies.length > 0) ?? []];
    }),
  );
}

function storedDomain(text: string): string | null {
  const read = readDomain(text);
  return "value" in read ? read.value : null;
}

/** The contact with each id or e-mail address, with its company. */
export async function findNamedContacts(
  db: D1Database,
  texts: readonly string[],
): Promise<Map<string, { id: string; company_id: string | null }>> {
  const results = await askInParts<{ text: string; id: string; company_id: string | null }>(
    db,
    `SELECT j.value ->> 0 AS text, p.id, p.company_id FROM json_each(?1) j
     CROSS JOIN contacts p ON p.id = coalesce(
       (SELECT id FROM contacts WHERE id = j.value ->> 0), (SELECT id FROM contacts WHERE email = j.value ->> 1))`,
    texts.map((text) => {
      const read = readEmail(text);
      return [text, "value" in read ? read.value : null];
    }),
  );
  return new Map(results.map(({ text, ...contact }) => [text, contact]));
}

/** A stored deal that a row may refer to. */
export interface KnownDeal {
  id: string;
  version: number;
  stage: string;
  company_id: string;
}

/**
 * For each deal of a file, the stored ones with its id, or with its company and name, in any spelling of its
 * letters.
 */
export async function findDeals(
  db: D1Database,
  deals: readonly { id: string | null; company_id: string; name: string }[],
  ignore: string,
): Promise<{ byId: KnownDeal | null; byName: KnownDeal[] }[]> {
  const some = (where: string) =>
    `(SELECT json_group_array(json_object('id', id, 'version', version, 'stage', stage, 'company_id', company_id))
      FROM (SELECT id, version, stage, company_id FROM deals WHERE ${where} AND ${notMadeBy("deals", "?2")} LIMIT 2))`;
  const results = await askInParts<{ by_id: string; by_name: string }>(
    db,
    `SELECT ${some("id = j.value ->> 0")} AS by_id,
       ${some("company_id = j.value ->> 1 AND match_name = j.value ->> 2")} AS by_name
     FROM json_each(?1) j ORDER BY j.key`,
    deals.map(({ id, company_id, name }) => [id, company_id, foldText(name)]),
    ignore,
  );
  return results.map((row) => ({
    byId: (JSON.parse(row.by_id) as KnownDeal[])[0] ?? null,
    byName: JSON.parse(row.by_name) as KnownDeal[],
  }));
}
