import { listTerms } from "../../../shared/text/list-terms.ts";
import { listPhoneParts } from "../identity/read-phone.ts";
import { listBeginnings } from "./beginnings.ts";
import { foldPending, hasUnfolded } from "./fold-pending.ts";
import { matchPlaces, type Places } from "./places.ts";
import {
  expandPrefixes,
  listEdits,
  narrowToFacets,
  rankAllWords,
  rankSomeWords,
  type SearchColumns,
  splitWords,
  stripTopLevelDomains,
  suggestSpellings,
  type Tier,
  toFacet,
  type Words,
} from "./query.ts";

/** How the rows of a page match the words: all of them, all but one, or similar spellings. */
export type MatchKind = "all_words" | "similar_spelling" | "some_words";

/** The position of a row in a search. */
export interface SearchPosition {
  match: MatchKind;
  tier: number;
  seq: number;
}

/** Search input. Without text, all rows with the facets; without both, all rows. */
export interface SearchRequest {
  text: string;
  /** Ids and regions that narrow the search. */
  facets: readonly string[];
  /** Countries, cities and industries that narrow it further, as they are stored. */
  places?: Places;
  /** Rows on the page. */
  limit: number;
  /** The last row of the previous page. */
  after?: SearchPosition | undefined;
  /** Only rows with all words. */
  exactly?: boolean;
}

/** One page of hits, best first. */
export interface SearchPage<Row> {
  match: MatchKind;
  rows: Row[];
  /** Start of the next page; `undefined` on the last page. */
  next: SearchPosition | undefined;
}

/** A searchable table: its full-text companion is `<table>_fts`, its vocabulary `<table>_terms`. */
export interface SearchTable {
  table: "contacts" | "companies" | "deals";
  /** The full-text index of names, if it is a separate one. */
  names?: "contacts_names_fts";
  /** The full-text index of telephone numbers, if rows can be found by them. */
  phones?: "contacts_phones" | "companies_phones";
  columns: SearchColumns;
  /** SELECT … FROM hit JOIN …, over the hits' `seq`; gives each row its `seq`. */
  select: string;
}

/** Whether a search is narrowed by a country, a city or an industry. */
export function isFiled({ places = {} }: SearchRequest): boolean {
  return Object.keys(places).length > 0;
}

const FIRST = Number.MAX_SAFE_INTEGER;
/** The tier of telephone numbers, in a cursor. */
const PHONES = 10;
/** Longest word to correct, number of words to correct per search, and words read for a second edit. */
const [LONGEST, CORRECTED, NEARBY] = [20, 4, 500];

/** Rows that a search folds at most before it looks again; the hourly work folds the rest. */
export const FOLDED_WITH_A_SEARCH = 500;

/**
 * Finds one page of rows, including rows that were written just before: folds those that SQL could not first.
 * See {@link findPage}.
 */
export async function searchPage<Row extends { seq: number }>(
  db: D1Database,
  target: SearchTable,
  request: SearchRequest,
): Promise<SearchPage<Row>> {
  // Both in parallel: rows seldom wait, and then the search runs once more.
  const [waits, page] = await Promise.all([
    hasUnfolded(db, target.table),
    findPage<Row>(db, target, request),
  ]);
  if (!waits) return page;
  await foldPending(db, target.table, FOLDED_WITH_A_SEARCH);
  return await findPage<Row>(db, target, request);
}

/**
 * Finds one page of rows. A telephone number, or seven digits of one, finds its owner. When no row has all
 * words, tries likely spellings, then all words but one; `match` says which. A page is one round trip to the
 * database, or up to four when names do not fill it.
 */
async function findPage<Row extends { seq: number }>(
  db: D1Database,
  target: SearchTable,
  request: SearchRequest,
): Promise<SearchPage<Row>> {
  const phones = await findPhones<Row>(db, target, request);
  if (phones !== undefined && phones.rows.length > 0) return phones;
  const words = splitWords(request.exactly ? request.text : stripTopLevelDomains(request.text));
  if (words.length === 0 && request.facets.length === 0) return await readNewest<Row>(db, target, request);
  const kinds: MatchKind[] = request.after
    ? [request.after.match]
    : request.exactly
      ? ["all_words"]
      : ["all_words", "similar_spelling", "some_words"];
  for (const match of kinds) {
    const ranked = await expandWords(db, target, words, match);
    if (ranked === undefined) continue;
    const tiers = narrowToFacets(ranked, request.facets.map(toFacet));
    const page = await readPage<Row>(db, target, tiers, match, request);
    // An address with another ending may belong to another contact: the answer marks it as similar.
    if (page.rows.length > 0)
      return request.text.includes("@") && !request.exactly ? { ...page, match: "some_words" } : page;
  }
  return { match: "all_words", rows: [], next: undefined };
}

/** Rows with a telephone number that contains these digits; `undefined` when the text is no number. */
async function findPhones<Row extends { seq: number }>(
  db: D1Database,
  target: SearchTable,
  request: SearchRequest,
): Promise<SearchPage<Row> | undefined> {
  if (target.phones === undefined || request.exactly) return undefined;
  const parts = listPhoneParts(request.text);
  const isNext = request.after !== undefined && request.after.tier !== PHONES;
  if (parts.length === 0 || isNext) return undefined;
  const match = parts.map((part) => `"${part}"*`).join(" OR ");
  const [facets] = narrowToFacets([], request.facets.map(toFacet));
  const tier: Tier = { step: 0, index: "phones", match, ...(facets && { within: facets.match }) };
  const before = request.after?.seq ?? FIRST;
  const { results } = await readTier(db, target, tier, before, request).all<Row>();
  const rows = results.slice(0, request.limit);
  const last = results.length > request.limit ? rows.at(-1) : undefined;
  return { match: "all_words", rows, next: last && { match: "all_words", tier: PHONES, seq: last.seq } };
}

/** One page of all rows, newest first. */
async function readNewest<Row extends { seq: number }>(
  db: D1Database,
  { table, select }: SearchTable,
  { after, limit, places = {} }: SearchRequest,
): Promise<SearchPage<Row>> {
  const filed = matchPlaces(table, places, 3);
  const { results } = await db
    .prepare(
      `WITH hit AS (SELECT seq FROM ${table} WHERE seq < ?1 ${filed ? `AND seq IN (${filed.rows})` : ""}
         ORDER BY seq DESC LIMIT ?2) ${select} ORDER BY hit.seq DESC`,
    )
    .bind(after?.seq ?? FIRST, limit + 1, ...(filed?.values ?? []))
    .all<Row>();
  const rows = results.slice(0, limit);
  const last = results.length > limit ? rows.at(-1) : undefined;
  return { match: "all_words", rows, next: last && { match: "all_words", tier: 0, seq: last.seq } };
}

/** The expressions of one way to match, or `undefined` when it adds nothing. */
async function expandWords(
  db: D1Database,
  { table, columns }: SearchTable,
  words: readonly string[],
  match: MatchKind,
): Promise<Tier[] | undefined> {
  const exact: Words = words.map((word) => [word]);
  if (match === "all_words") return words.length === 0 ? [] : rankAllWords(exact, columns);
  if (match === "some_words") return words.length < 2 ? undefined : rankSomeWords(exact, columns);
  const spellings = await readSpellings(db, table, words);
  return spellings.some((alternatives) => alternatives.length > 1)
    ? rankAllWords(spellings, columns)
    : undefined;
}

/**
 * The words with their possible corrections. The number of rows read depends on the words alone: whether each
 * word within one edit exists, and for long words the next words with the same first four letters.
 */
async function readSpellings(db: D1Database, table: string, words: readonly string[]): Promise<Words> {
  const corrected = new Set(
    words
      .filter((word) => word.length >= 4 && word.length <= LONGEST && !word.includes(" "))
      .slice(0, CORRECTED),
  );
  if (corrected.size === 0) return words.map((word) => [word]);
  const list = [...corrected];
  const answers = await db.batch<{ term: string }>(
    list.flatMap((word) => [
      findEdits(db, table, word),
      ...(word.length < 8 ? [] : [listTerms(db, `${table}_terms`, word.slice(0, 4), NEARBY)]),
    ]),
  );
  const found = answers.flatMap(({ results }) => results.map(({ term }) => term));
  return words.map((word) => {
    if (!corrected.has(word)) return [word];
    return [word, ...suggestSpellings(word, found).filter((term) => term !== word)];
  });
}

function findEdits(db: D1Database, table: string, word: string): D1PreparedStatement {
  return db
    .prepare(
      `SELECT j.value AS term FROM json_each(?) j
       WHERE EXISTS (SELECT 1 FROM ${table}_terms t WHERE t.term = j.value)`,
    )
    .bind(JSON.stringify(listEdits(word)));
}

async function readPage<Row extends { seq: number }>(
  db: D1Database,
  target: SearchTable,
  tiers: readonly Tier[],
  match: MatchKind,
  request: SearchRequest,
): Promise<SearchPage<Row>> {
  const { after, limit } = request;
  const positions = tiers.map((tier, at) => ({ tier, at })).slice(after?.tier ?? 0);
  const steps = [...Map.groupBy(positions, ({ tier }) => tier.step).values()];
  const lookup = listBeginnings(
    db,
    target.table,
    tiers.flatMap(({ begun }) => begun ?? []),
  );
  const needsAtOnce = steps[0]?.some(({ tier }) => tier.begun) && lookup.statements.length > 0;
  let spelled = needsAtOnce ? lookup.read(await db.batch(lookup.statements)) : undefined;
  const found: { row: Row; position: SearchPosition }[] = [];
  for (const asked of steps) {
    if (found.length > limit) break;
    const pages = asked.map(({ tier, at }) => {
      const before = after?.tier === at ? after.seq : FIRST;
      return readTier(db, target, expandPrefixes(tier, spelled ?? new Map()), before, request);
    });
    const answers = await db.batch<Row>(spelled ? pages : [...pages, ...lookup.statements]);
    spelled ??= lookup.read(answers.splice(asked.length));
    for (const [place, { results }] of answers.entries()) {
      const tier = asked[place]?.at ?? 0;
      found.push(...results.map((row) => ({ row, position: { match, tier, seq: row.seq } })));
    }
  }
  const page = found.slice(0, limit);
  return {
    match,
    rows: page.map(({ row }) => row),
    next: found.length > limit ? page.at(-1)?.position : undefined,
  };
}

function readTier(
  db: D1Database,
  { table, names, phones, select }: SearchTable,
  { index, match, without, within }: Tier,
  before: number,
  { limit, places = {} }: SearchRequest,
): D1PreparedStatement {
  const all = `${table}_fts`;
  const named = names ?? all;
  const fts = index === "names" ? named : index === "phones" ? (phones ?? all) : all;
  // All names with this prefix were read before this tier, so they are at most as many as the pages
  // requested.
  const rest = without && `AND rowid NOT IN (SELECT rowid FROM ${named} WHERE ${named} MATCH ?4)`;
  // The sign keeps the planner from scanning the facets and sorting the result.
  const inside = within && `AND +rowid IN (SELECT rowid FROM ${all} WHERE ${all} MATCH ?4)`;
  const filed = matchPlaces(table, places, 5);
  const other = without ?? within;
  const also = filed ? ` AND +rowid IN (${filed.rows})` : "";
  return db
    .prepare(
      `WITH hit AS (
         SELECT rowid AS seq FROM ${fts}
         WHERE ${fts} MATCH ?1 AND rowid < ?2 ${rest ?? inside ?? ""}${also} ORDER BY rowid DESC LIMIT ?3
       ) ${select} ORDER BY hit.seq DESC`,
    )
    .bind(
      ...[match, before, limit + 1],
      ...(filed ? [other ?? null, ...filed.values] : other ? [other] : []),
    );
}
