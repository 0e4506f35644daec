import type { DuplicateKey } from "./duplicates.ts";

/** Somebody on file who shares a key with a row. */
export interface Twin {
  id: string;
  version: number;
  first: string;
  last: string;
}

const TWINS_READ = 5;

/**
 * The keys of a person, as the columns `email_key`, `phone_key` and `name_key` of contacts compute them; a test holds
 * the two together. SQLite's lower() knows ASCII letters only, and so does this.
 */
export function keysOf(person: {
  first_name: string;
  last_name: string;
  email: string | null;
  phone: string | null;
  company_id: string | null;
}): Record<DuplicateKey, string | null> {
  const lower = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const digits = person.phone?.replace(/[ +\-()./x]/g, "") ?? "";
  const [initial = ""] = person.first_name;
  return {
    email: person.email?.replace(/^([^+]+)\+[^@]*@/, "$1@") ?? null,
    phone: digits.length >= 7 ? digits.slice(-9) : null,
    name: person.company_id && `${person.company_id}|${lower(initial)}|${lower(person.last_name)}`,
  };
}

/** Contacts that share a key, at most five for each, the oldest first. */
export async function findTwins(
  db: D1Database,
  key: DuplicateKey,
  values: readonly string[],
): Promise<Map<string, Twin[]>> {
  const { results } = await db
    .prepare(
      `SELECT j.value AS key, (
         SELECT json_group_array(json_object('id', id, 'version', version, 'first', first_name, 'last', last_name))
         FROM (SELECT id, version, first_name, last_name FROM contacts WHERE ${key}_key = j.value
               ORDER BY seq LIMIT ${TWINS_READ})
       ) AS twins FROM json_each(?) j`,
    )
    .bind(JSON.stringify(values))
    .all<{ key: string; twins: string }>();
  return new Map(results.map((row) => [row.key, JSON.parse(row.twins) as Twin[]]));
}

/** The company with each web domain: the oldest, with its version. */
export async function findDomains(
  db: D1Database,
  domains: readonly string[],
): Promise<Map<string, { id: string; version: number }>> {
  const { results } = await db
    .prepare(
      `SELECT j.value AS domain, c.id, c.version FROM json_each(?) j
       CROSS JOIN companies c ON c.domain = j.value ORDER BY c.seq DESC`,
    )
    .bind(JSON.stringify(domains))
    .all<{ domain: string; id: string; version: number }>();
  return new Map(results.map(({ domain, ...company }) => [domain, company]));
}

/** A company as a text may mean it. */
export interface NamedCompany {
  id: string;
  version: number;
  owner_id: string | null;
}

/** Companies that an id, a web domain or a whole name means, in any case of letters; at most three for each text. */
export async function findNamedCompanies(
  db: D1Database,
  texts: readonly string[],
): Promise<Map<string, NamedCompany[]>> {
  const some = (where: string) =>
    `(SELECT json_group_array(json_object('id', id, 'version', version, 'owner_id', owner_id))
      FROM (SELECT id, version, owner_id FROM companies WHERE ${where} LIMIT 3))`;
  const { results } = await db
    .prepare(
      `SELECT j.value AS text, ${some("id = j.value")} AS by_id, ${some("domain = lower(j.value)")} AS by_domain,
         ${some("name = j.value COLLATE NOCASE")} AS by_name
       FROM json_each(?) j`,
    )
    .bind(JSON.stringify(texts))
    .all<{ text: string; by_id: string; by_domain: string; by_name: string }>();
  const read = (json: string) => JSON.parse(json) as NamedCompany[];
  return new Map(
    results.map((row) => {
      const found = [read(row.by_id), read(row.by_domain), read(row.by_name)];
      return [row.text, found.find((companies) => companies.length > 0) ?? []];
    }),
  );
}
