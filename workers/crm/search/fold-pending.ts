import { foldText } from "../../../shared/text/fold-text.ts";
import { segmentText } from "../../../shared/text/segment-words.ts";
import { isFoldedBySql, keyOfName, segmentName, segmentPerson } from "../identity/match-keys.ts";
import { readDomain } from "../identity/read-domain.ts";
import { keyOfEmail } from "../identity/read-email.ts";
import { listPhoneEnds, readPhone } from "../identity/read-phone.ts";
import type { VersionedTable } from "../store/versioned.ts";

/** Rows folded per batch. */
const SLICE = 250;

interface Marked {
  mark: number;
  /** `null` for a deleted row. */
  seq: number | null;
}
type Text = string | null;

/**
 * Columns read for a marked row, and columns written for it: values by column, and words by full-text table.
 */
interface Folding {
  read: string;
  /** Columns of each full-text table; a row is written to a table if it has words for it. */
  tables: Readonly<Record<string, readonly string[]>>;
  columns: readonly string[];
  fold(row: never): { columns: Record<string, Text>; words: Record<string, Record<string, string> | null> };
}

const FOLDINGS: Readonly<Record<VersionedTable, Folding>> = {
  contacts: {
    read: `SELECT u.mark, p.seq, p.first_name, p.last_name, p.email, p.phone, c.name AS company, c.country,
        substr(coalesce(p.company_id, ''), 5) || ' ' || substr(coalesce(p.owner_id, ''), 5) AS facets
      FROM unfolded u LEFT JOIN contacts p ON p.seq = u.seq LEFT JOIN companies c ON c.id = p.company_id`,
    tables: {
      contacts_fts: ["name", "email", "company", "facets"],
      contacts_names_fts: ["name", "company", "facets"],
      contacts_phones: ["digits"],
    },
    columns: ["folded_name", "folded_email", "folded_phone", "e164"],
    fold(row: ContactToFold) {
      const { first_name: first, last_name: last, email, phone, company } = row;
      const keys = phone === null ? null : readPhone(phone, row.country);
      const words = isFoldedBySql(first, last, email, company)
        ? null
        : {
            name: segmentPerson(first, last),
            email: segmentText(email ?? ""),
            company: segmentText(company ?? ""),
            facets: row.facets,
          };
      return {
        columns: {
          folded_name: isFoldedBySql(first, last) ? null : keyOfName(first, last),
          folded_email: email === null ? null : keyOfEmail(email),
          folded_phone: keys && (keys.key ?? ""),
          e164: keys?.e164 ?? null,
        },
        words: {
          contacts_fts: words,
          contacts_names_fts: words,
          contacts_phones: keys && { digits: listPhoneEnds(keys.digits) },
        },
      };
    },
  },
  companies: {
    read: `SELECT u.mark, c.seq, c.name, c.domain, c.phone, c.country,
        coalesce(c.city, '') || ' ' || coalesce(c.country, '') || ' ' || coalesce(c.industry, '') AS place,
        substr(coalesce(c.owner_id, ''), 5) || ' ' || coalesce(c.region, '') AS facets
      FROM unfolded u LEFT JOIN companies c ON c.seq = u.seq`,
    tables: { companies_fts: ["name", "domain", "place", "facets"], companies_phones: ["digits"] },
    columns: ["folded_name", "folded_domain"],
    fold({ name, domain, phone, country, place, facets }: CompanyToFold) {
      const words = isFoldedBySql(name, domain, place)
        ? null
        : { name: segmentName(name), domain: segmentText(domain ?? ""), place: segmentText(place), facets };
      const read = domain === null ? undefined : readDomain(domain);
      return {
        columns: {
          folded_name: isFoldedBySql(name) ? null : foldText(name),
          folded_domain: read && "value" in read ? read.value : null,
        },
        words: {
          companies_fts: words,
          companies_phones:
            phone === null ? null : { digits: listPhoneEnds(readPhone(phone, country).digits) },
        },
      };
    },
  },
  deals: {
    read: `SELECT u.mark, d.seq, d.name, c.name AS company, substr(d.company_id, 5) AS facets
      FROM unfolded u LEFT JOIN deals d ON d.seq = u.seq LEFT JOIN companies c ON c.id = d.company_id`,
    tables: { deals_fts: ["name", "company", "facets"] },
    columns: ["folded_name"],
    fold({ name, company, facets }: DealToFold) {
      return {
        columns: { folded_name: isFoldedBySql(name) ? null : foldText(name) },
        words: { deals_fts: { name: segmentText(name), company: segmentText(company), facets } },
      };
    },
  },
};

interface ContactToFold extends Record<"first_name" | "last_name" | "facets", string> {
  email: Text;
  phone: Text;
  company: Text;
  country: Text;
}

interface CompanyToFold extends Record<"name" | "place" | "facets", string> {
  domain: Text;
  phone: Text;
  country: Text;
}

type DealToFold = Record<"name" | "company" | "facets", string>;

/** Whether rows of a table are waiting for folding. */
export async function hasUnfolded(db: D1Database, table: VersionedTable): Promise<boolean> {
  const row = await db.prepare("SELECT 1 FROM unfolded WHERE kind = ? LIMIT 1").bind(table).first();
  return row !== null;
}

/**
 * Folds rows that SQL could not (migration 0014), newest first, until the table has none left or `limit` is
 * reached; returns the number. Each slice is one batch, and writes only rows that have not changed since they
 * were read; others stay marked.
 */
export async function foldPending(db: D1Database, table: VersionedTable, limit: number): Promise<number> {
  const { read, fold } = FOLDINGS[table];
  let done = 0;
  while (done < limit) {
    const { results } = await db
      .prepare(`${read} WHERE u.kind = ? ORDER BY u.mark DESC LIMIT ?`)
      .bind(table, Math.min(SLICE, limit - done))
      .all<Marked>();
    if (results.length === 0) break;
    const rows = results.map((row) => {
      const kept = { mark: row.mark, seq: row.seq };
      return row.seq === null ? kept : { ...kept, ...fold(row as never) };
    });
    await writeSlice(db, table, JSON.stringify(rows));
    done += results.length;
  }
  return done;
}

/** Folds waiting rows of all tables, at most `limit` rows of each. */
export async function foldAll(db: D1Database, limit: number): Promise<number> {
  let done = 0;
  for (const table of Object.keys(FOLDINGS) as VersionedTable[]) done += await foldPending(db, table, limit);
  return done;
}

async function writeSlice(db: D1Database, table: VersionedTable, rows: string): Promise<void> {
  const { tables, columns } = FOLDINGS[table];
  const current = "EXISTS (SELECT 1 FROM unfolded u WHERE u.mark = j.value ->> 'mark')";
  const index = Object.entries(tables).flatMap(([name, fields]) => {
    const from = `FROM json_each(?1) j WHERE j.value ->> '$.words.${name}' IS NOT NULL AND ${current}`;
    const words = fields.map((field) => `j.value ->> '$.words.${name}.${field}'`);
    return [
      `DELETE FROM ${name} WHERE rowid IN (SELECT j.value ->> 'seq' ${from})`,
      `INSERT INTO ${name} (rowid, ${fields.join(", ")}) SELECT j.value ->> 'seq', ${words.join(", ")} ${from} ORDER BY 1`,
    ];
  });
  const values = columns.map((column) => `${column} = j.value ->> '$.columns.${column}'`);
  const update = `UPDATE ${table} SET ${values.join(", ")} FROM json_each(?1) j
    WHERE ${table}.seq = j.value ->> 'seq' AND ${current}`;
  const unmark = "DELETE FROM unfolded WHERE mark IN (SELECT value ->> 'mark' FROM json_each(?1))";
  await db.batch([...index, update, unmark].map((sql) => db.prepare(sql).bind(rows)));
}
