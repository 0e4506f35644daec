import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { appendLink, EMPTY_CHAIN, type Head, type Link } from "../../../shared/audit/chain.ts";
import type { AuditEvent, CallDetails } from "../../../shared/audit/record.ts";
import { writeDays } from "../../../workers/audit-log/figures/write-days.ts";
import { storeLinks } from "../../../workers/audit-log/store-records.ts";
import { openLocalDatabases } from "../../local/databases.ts";
import { applyMigrations, readMigrations } from "../../local/migrate.ts";

/** What calls of one kind cost, each call. */
export interface TrailCost {
  /** Rows of D1 written. */
  rowsWritten: number;
  /** Bytes of D1: of what is searched by, and of what finds records and opens them. */
  searchBytes: number;
  findBytes: number;
  /** Writes to R2, and bytes there. */
  puts: number;
  segmentBytes: number;
  /** What each statement did, by its text. */
  statements: ReadonlyMap<string, StatementCost>;
}

/** What a statement did for each call. */
export interface StatementCost {
  rowsRead: number;
  rowsWritten: number;
  milliseconds: number;
}

/** Calls that are measured of each kind. */
const CALLS = 6_000;

/** Who calls, and in which company their records come to the consumer. */
export interface Pattern {
  people: number;
  /** Calls of one person in one batch of the queue, and people in it. */
  together: number;
  peopleOfBatch: number;
}

const SEARCH = /^(call_entry|trail_word|trace_block)|autoindex_trail_word/;
const FIND = /audit_(segment|part|span)/;

/** Stores calls of a pattern through the consumer of the trail, and measures what it left. Two records each. */
export async function measureTrail(pattern: Pattern): Promise<TrailCost> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-scale-"));
  try {
    const written = await store(folder, pattern);
    const bytes = await readBytes(folder);
    const sum = (which: RegExp) =>
      [...bytes].reduce((total, [name, size]) => total + (which.test(name) ? size : 0), 0);
    return {
      rowsWritten: written.rows / CALLS,
      searchBytes: sum(SEARCH) / CALLS,
      findBytes: sum(FIND) / CALLS,
      puts: written.puts / CALLS,
      segmentBytes: written.bytes / CALLS,
      statements: written.statements,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A statement that knows its text. */
interface NamedStatement {
  inner: D1PreparedStatement;
  sql: string;
  bind(...values: unknown[]): NamedStatement;
  first(): Promise<unknown>;
}

function name(inner: D1PreparedStatement, sql: string): NamedStatement {
  return {
    inner,
    sql,
    bind: (...values) => name(inner.bind(...values), sql),
    first: () => inner.first(),
  };
}

async function store(
  folder: string,
  pattern: Pattern,
): Promise<{ rows: number; puts: number; bytes: number; statements: Map<string, StatementCost> }> {
  const databases = await openLocalDatabases(folder);
  const written = { rows: 0, puts: 0, bytes: 0, statements: new Map<string, StatementCost>() };
  const note = (sql: string, { rows_read, rows_written, duration }: D1Meta): void => {
    const known = written.statements.get(sql) ?? { rowsRead: 0, rowsWritten: 0, milliseconds: 0 };
    known.rowsRead += rows_read / CALLS;
    known.rowsWritten += rows_written / CALLS;
    known.milliseconds += duration / CALLS;
    written.statements.set(sql, known);
  };
  try {
    const platform = databases.all.find(({ binding }) => binding === "PLATFORM_DB");
    if (platform === undefined) throw new Error("PLATFORM_DB is not configured.");
    await applyMigrations(platform.connection, await readMigrations(platform.migrationsFolder));
    const database = {
      prepare: (sql: string) => name(platform.connection.prepare(sql), sql),
      async batch(statements: NamedStatement[]) {
        const results = await platform.connection.batch(statements.map(({ inner }) => inner));
        for (const [index, { meta }] of results.entries()) {
          written.rows += meta.rows_written;
          note(statements[index]?.sql ?? "", meta);
        }
        return results;
      },
    } as unknown as D1Database;
    const bucket = {
      get: (key: string) => databases.segments.get(key),
      put(key: string, bytes: Uint8Array<ArrayBuffer>) {
        written.puts += 1;
        written.bytes += bytes.byteLength;
        return databases.segments.put(key, bytes);
      },
    } as unknown as R2Bucket;
    for (const batch of listBatches(pattern)) {
      await storeLinks({ PLATFORM_DB: database, AUDIT_SEGMENTS: bucket }, batch);
    }
    // The day is over: its counts by person and by app are written.
    await writeDays(database, Date.UTC(2026, 0, 2));
    return written;
  } finally {
    await databases.close();
  }
}

function* listBatches({ people, together, peopleOfBatch }: Pattern): Generator<Link[]> {
  const heads = new Map<string, Head>();
  const chains = Array.from({ length: people }, () => crypto.randomUUID());
  const start = Date.UTC(2026, 0, 1);
  for (let call = 0, turn = 0; call < CALLS; turn += 1) {
    const batch: Link[] = [];
    for (let person = 0; person < peopleOfBatch; person += 1) {
      const chain = chains[(turn * peopleOfBatch + person) % people] ?? "";
      for (let own = 0; own < together; own += 1, call += 1) add(batch, heads, chain, start + call * 250);
    }
    yield batch;
  }
}

function add(batch: Link[], heads: Map<string, Head>, chain: string, at: number): void {
  const callId = crypto.randomUUID();
  const details: CallDetails = {
    callId,
    traceId: crypto.randomUUID().replaceAll("-", ""),
    startedAt: at,
    clientId: `app-${chain.slice(-4)}-0123456789abcdef`,
    sessionId: null,
    lane: "stateless",
    kind: "tool",
    server: "crm",
    name: "crm_find_contacts",
    ip: "192.0.2.7",
    country: "DE",
    policy: "1:0123456789abcdef",
    rule: "roles.sales.allowed_tools[2]",
    arguments: { query: "string", limit: "number" },
    unknownArguments: 0,
    argumentsDigest: "0".repeat(64),
  };
  const events: AuditEvent[] = [
    { type: "intent", decision: "allow", ...details },
    { type: "outcome", callId, status: "ok", error: null, durationMs: 40, bytes: 900 },
  ];
  for (const event of events) {
    const link = appendLink(chain, heads.get(chain) ?? EMPTY_CHAIN, event, at);
    heads.set(chain, { sequence: link.sequence, hash: link.hash, at });
    batch.push(link);
  }
}

/** Bytes of every table and index of the platform database. */
async function readBytes(folder: string): Promise<Map<string, number>> {
  const names = await readdir(path.join(folder, "v3/d1"), { recursive: true });
  for (const name of names.filter((file) => file.endsWith(".sqlite"))) {
    const database = new DatabaseSync(path.join(folder, "v3/d1", name));
    try {
      if (!database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'audit_span'").get()) continue;
      // As a checkpoint leaves them, every hour.
      database.exec("UPDATE audit_segment SET heads = NULL");
      const rows = database.prepare("SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY name").all();
      return new Map(rows.map((row) => [String(row.name), Number(row.bytes)]));
    } finally {
      database.close();
    }
  }
  throw new Error("The platform database is not in the folder.");
}
