import { quoteText } from "../encoding/quote-text.ts";
import type { Link } from "./chain.ts";
import { decodeSegment, importSecret, openLine, type StoredLine } from "./segment.ts";

/** One row of an answer. */
export type Row = Record<string, string | number | null>;
/** Runs one SQL query on the platform database. */
export type Ask = (sql: string) => Promise<Row[]>;

/** Where the stored trail is read: the platform database says where records are, and the bucket has them. */
export interface TrailSource {
  ask: Ask;
  /** The bytes of segments, in their order; `null` for one that is not there. */
  fetchSegments(digests: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | null)[]>;
  /** How many segments are fetched at once. */
  atOnce: number;
}

/** A stored record with its arrival number, which grows in the order in which records are stored. */
export type ArrivedLink = Link & { arrival: number };

/** Most records of a segment. */
export const MOST_OF_SEGMENT = 500;

/** Segments that a reader keeps: neighbours in a chain are mostly in the same few. */
const KEPT_SEGMENTS = 64;

/** A place where records of a chain are. */
interface Span {
  first: number;
  last: number;
  part: number;
  secret: string | null;
  segment: number;
  digest: string;
}

/** The newest arrivals: of `audit_record`, and of segments. */
export interface Arrived {
  id: number;
  through: number;
}

/** Which records of a chain to read. Sequences and times are inclusive. */
export interface Stretch {
  from?: number;
  through?: number;
  /** Milliseconds since the epoch. */
  since?: number;
  until?: number;
  /** Leaves out what arrived later. */
  arrived?: Arrived;
  /** Most records. The newest of them are read with `newest`, else the oldest. */
  most: number;
  newest?: boolean;
}

/** Most segments that the newest records are read of: an invocation may send so many requests. */
const NEWEST_SEGMENTS = 400;

const DAY_MS = 24 * 60 * 60_000;
const RECORD = "chain, sequence, hash, body, salt, event";
const END = Number.MAX_SAFE_INTEGER;

/**
 * Reads stored records: from segments, and from the table `audit_record` what was stored there by an earlier release and
 * is not in a segment yet. A record that is moved meanwhile is found in one of the two, or in both and given once.
 */
export class StoredTrail {
  readonly #source: TrailSource;
  readonly #segments = new Map<string, readonly StoredLine[]>();
  readonly #keys = new Map<string, Promise<CryptoKey>>();

  constructor(source: TrailSource) {
    this.#source = source;
  }

  /** Records of one chain by sequence, ascending. */
  async readChain(chain: string, stretch: Stretch): Promise<Link[]> {
    const { from = 1, through = END, since = 0, until = END, arrived, most, newest = false } = stretch;
    const order = newest ? "DESC" : "ASC";
    const ofChain = `chain = ${quoteText(chain)}`;
    // In this order: a record leaves the table when a span names it.
    const rows = await this.#source.ask(
      `SELECT ${RECORD} FROM audit_record WHERE ${ofChain} AND sequence BETWEEN ${from} AND ${through}
          AND at BETWEEN ${since} AND ${until} AND id <= ${arrived?.id ?? END} ORDER BY sequence ${order} LIMIT ${most}`,
    );
    const spans = await this.#source.ask(
      `SELECT span.first, span.last, part.id AS part, part.secret, span.segment, segment.digest
         FROM audit_part AS part CROSS JOIN audit_span AS span ON span.part = part.id
         CROSS JOIN audit_segment AS segment ON segment.through = span.segment
        WHERE part.${ofChain} AND part.day BETWEEN ${Math.floor(since / DAY_MS)} AND ${Math.floor(until / DAY_MS)}
          AND span.last >= ${from} AND span.first <= ${through} AND span.segment <= ${arrived?.through ?? END}
        ORDER BY part.day ${order}, span.first ${order} LIMIT ${most}`,
    );
    const found = new Map(rows.map((row) => [Number(row.sequence), row as unknown as Link]));
    const read = (named: readonly Span[]) =>
      this.#eachGroup(named, async (span, lines) => {
        for (const link of await this.#openSpan(chain, span, lines, from, through)) {
          const { at } = JSON.parse(link.body) as { at: number };
          if (at >= since && at <= until) found.set(link.sequence, link);
        }
      });
    let left = spans as unknown as Span[];
    while (left.length > 0) {
      const wanted = new Set(newest ? holdingNewest(left, found, most, through) : left);
      if (wanted.size === 0) break;
      await read([...wanted]);
      left = left.filter((span) => !wanted.has(span));
    }
    const links = [...found.values()].sort((a, b) => a.sequence - b.sequence);
    return newest ? links.slice(-most) : links.slice(0, most);
  }

  /** Every record of a chain by sequence. Sequences may be missing: a later record may have been stored first. */
  async *followChain(chain: string, stretch: Omit<Stretch, "most" | "newest"> = {}): AsyncGenerator<Link> {
    for (let from = stretch.from ?? 1, full = true; full; ) {
      const links = await this.readChain(chain, { ...stretch, from, most: PAGE });
      yield* links;
      from = (links.at(-1)?.sequence ?? 0) + 1;
      full = links.length === PAGE;
    }
  }

  /** The chains that may have records in a span of time, sorted by their UTF-8 bytes, as SQLite sorts. */
  async listChains(since: number, until: number): Promise<string[]> {
    const [begin, end] = [Math.floor(since / DAY_MS), Math.floor(until / DAY_MS)];
    const ofDays = `EXISTS (SELECT 1 FROM audit_part WHERE chain = place.chain AND day BETWEEN ${begin} AND ${end})`;
    // One seek per chain (the loose index scan of SQLite's wiki, «recursive»).
    const rows = await this.#source.ask(
      `SELECT chain FROM (${chainsOf("audit_part")} SELECT chain FROM place WHERE ${ofDays})
        UNION SELECT chain FROM (${chainsOf("audit_record")} SELECT chain FROM place WHERE chain IS NOT NULL)
        ORDER BY chain`,
    );
    return rows.map(({ chain }) => String(chain));
  }

  /**
   * Records by arrival: those after one arrival number up to another. First what was moved out of `audit_record`, then
   * what is still there, then what came after it.
   */
  async readArrivals(after: number, through: number): Promise<ArrivedLink[]> {
    const rows = await this.#source.ask(
      `SELECT id AS arrival, ${RECORD} FROM audit_record
        WHERE id > ${after} AND id <= min(${through}, ${ORIGIN}) ORDER BY id`,
    );
    const segments = await this.#source.ask(
      `SELECT through, digest, through <= ${ORIGIN} AS moved FROM audit_segment
        WHERE through > ${after} AND through < ${through + MOST_OF_SEGMENT} AND through - records < ${through}
        ORDER BY through`,
    );
    const found: ArrivedLink[][] = [];
    const named = segments as unknown as { through: number; digest: string; moved: number }[];
    await this.#eachGroup(named, async ({ through: last }, lines, index) => {
      const links = await this.#openLines(lines);
      found[index] = links
        .map((link, place) => ({ ...link, arrival: last - lines.length + 1 + place }))
        .filter(({ arrival }) => arrival > after && arrival <= through);
    });
    const moved = named.filter((segment) => segment.moved === 1).length;
    return [found.slice(0, moved), rows as unknown as ArrivedLink[], found.slice(moved)].flat(2);
  }

  /** The newest records by arrival, oldest first: at most so many, and of a bounded number of segments. */
  async readNewest(most: number): Promise<ArrivedLink[]> {
    const [begin] = await this.#source.ask(
      `SELECT max(ifnull((SELECT min(through - records) FROM (
                SELECT through, records, sum(records) OVER (ORDER BY through DESC) AS sum FROM (
                  SELECT through, records FROM audit_segment ORDER BY through DESC LIMIT ${NEWEST_SEGMENTS}))
               WHERE sum <= ${most}), 0),
              ifnull((SELECT min(id) - 1 FROM (SELECT id FROM audit_record ORDER BY id DESC LIMIT ${most})), 0)) AS after`,
    );
    return await this.readArrivals(Number(begin?.after ?? 0), END);
  }

  async #openSpan(
    chain: string,
    span: Span,
    all: readonly StoredLine[],
    from: number,
    through: number,
  ): Promise<Link[]> {
    const [first, last] = [Math.max(span.first, from), Math.min(span.last, through)];
    const lines = all.filter(({ body, part }) => {
      if (part !== span.part) return false;
      const record = JSON.parse(body) as { chain: string; sequence: number };
      return record.chain === chain && record.sequence >= first && record.sequence <= last;
    });
    const key = span.secret === null ? null : await this.#key(span.secret);
    return await Promise.all(lines.map((line) => openLine(line, key)));
  }

  async #openLines(lines: readonly StoredLine[]): Promise<Link[]> {
    const parts = [...new Set(lines.map(({ part }) => part))];
    const rows = await this.#source.ask(
      `SELECT id, secret FROM audit_part WHERE secret IS NOT NULL AND id IN (${parts.join(", ")})`,
    );
    const secrets = new Map(rows.map(({ id, secret }) => [Number(id), String(secret)]));
    return await Promise.all(
      lines.map(async (line) => {
        const secret = secrets.get(line.part);
        return await openLine(line, secret === undefined ? null : await this.#key(secret));
      }),
    );
  }

  #key(secret: string): Promise<CryptoKey> {
    const key = this.#keys.get(secret) ?? importSecret(secret);
    this.#keys.set(secret, key);
    return key;
  }

  /** Does work with the lines of each item's segment, some at once. */
  async #eachGroup<T extends { digest: string }>(
    items: readonly T[],
    work: (item: T, lines: readonly StoredLine[], index: number) => Promise<void>,
  ): Promise<void> {
    const { atOnce } = this.#source;
    for (let start = 0; start < items.length; start += atOnce) {
      const group = items.slice(start, start + atOnce);
      const segments = await this.#load([...new Set(group.map(({ digest }) => digest))]);
      await Promise.all(
        group.map((item, index) => work(item, segments.get(item.digest) ?? [], start + index)),
      );
    }
  }

  /** A segment that is not there has no records, which the verifier then misses by their numbers. */
  async #load(digests: readonly string[]): Promise<ReadonlyMap<string, readonly StoredLine[]>> {
    const missing = digests.filter((digest) => !this.#segments.has(digest));
    const fetched = missing.length === 0 ? [] : await this.#source.fetchSegments(missing);
    const loaded = new Map<string, readonly StoredLine[]>();
    for (const digest of digests) {
      const bytes = fetched[missing.indexOf(digest)];
      const lines = this.#segments.get(digest) ?? (bytes == null ? [] : await decodeSegment(bytes));
      loaded.set(digest, lines);
      // The one that was used last is the last to go.
      this.#segments.delete(digest);
      this.#segments.set(digest, lines);
    }
    for (const oldest of [...this.#segments.keys()].slice(0, -KEPT_SEGMENTS)) this.#segments.delete(oldest);
    return loaded;
  }
}

/**
 * The spans that hold the newest records which are not found yet: neighbours in sequence are in few segments, and the others
 * are not fetched.
 */
function holdingNewest(
  spans: readonly Span[],
  found: ReadonlyMap<number, Link>,
  most: number,
  through: number,
): Span[] {
  const top = Math.min(through, Math.max(...spans.map(({ last }) => last)));
  const missing = most - [...found.keys()].filter((sequence) => sequence > top).length;
  return missing <= 0 ? [] : spans.filter(({ last }) => last > top - missing);
}

/** SQL: the last arrival number of `audit_record` when segments began; without segments there is no such end. */
const ORIGIN = `(SELECT ifnull(max(last), ${END}) FROM audit_origin)`;

/** Records per page. */
const PAGE = 2_000;

/** SQL: the chains of a table that has an index which begins with them, as `place`. */
function chainsOf(table: string): string {
  return `WITH RECURSIVE place (chain) AS (SELECT min(chain) FROM ${table} UNION ALL
    SELECT (SELECT min(chain) FROM ${table} WHERE chain > place.chain) FROM place WHERE place.chain IS NOT NULL)`;
}
