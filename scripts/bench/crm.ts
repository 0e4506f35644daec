import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { MaskRules } from "../../shared/call/mask-rules.ts";

import { openCrmStore } from "../../workers/crm/store.ts";
import { openLocalDatabases } from "../local/databases.ts";
import { CommandFailure, reportFailure } from "../local/failure.ts";
import { applyMigrations, readMigrations } from "../local/migrate.ts";
import { type CountedDatabase, countReads, type Reads } from "./count-reads.ts";
import { loadCustomers } from "./crm/load.ts";
import { listQuestions, type Question, type Sample } from "./crm/questions.ts";
import { FIGURES_HELP, type FiguresStyle, startFigures } from "./figures-table.ts";
import { readBench } from "./options.ts";

const HELP = `
Measures every list and search of the CRM over customers of several sizes: D1 time at p50 and p95 of 40 samples, the
quickest of three askings each, and rows read.

  npm run bench -- crm [--contacts 100000,1000000] [--folder <path>] [--plans] [--markdown]

With --folder, what was loaded stays there and is measured again the next time; otherwise databases are in memory.
${FIGURES_HELP}
`;
/** Reference date of ages, so that every run queries the same days. */
const AS_OF = new Date("2026-03-01T00:00:00Z");
/** Masking rules of a role that sees everything. */
const EVERYTHING: MaskRules = {
  fields: { public: "show", internal: "show", pii: "show", secret: "show" },
  text: [],
};
const SAMPLES = 40;
/**
 * Repetitions of each query; the fastest counts, so that a busy machine does not look like a slow statement.
 */
const REPEATS = 3;
const TARGET_MS = 50;

async function run(): Promise<void> {
  const { values } = readBench("crm");
  const sizes = values.contacts.split(",").map(Number);
  if (sizes.some((size) => !Number.isInteger(size) || size < 1_000 || size > 1_000_000)) {
    throw new CommandFailure("--contacts takes numbers from 1,000 to 1,000,000, with commas.", HELP);
  }
  for (const contacts of sizes) {
    const folder = values.folder === undefined ? null : path.resolve(values.folder, String(contacts));
    if (folder !== null) await mkdir(folder, { recursive: true });
    const databases = await openLocalDatabases(folder);
    try {
      const database = databases.all.find(({ binding }) => binding === "CRM_DB");
      if (!database) throw new Error("CRM_DB is not configured.");
      const db = database.connection;
      await applyMigrations(db, await readMigrations(database.migrationsFolder));
      const began = performance.now();
      const loaded = (await db.prepare("SELECT max(seq) AS last FROM contacts").first<number>("last")) ?? 0;
      if (loaded === 0) await loadCustomers(db, contacts, AS_OF);
      const seconds = ((performance.now() - began) / 1000).toFixed(0);
      console.log(
        `\n${contacts.toLocaleString("en")} contacts${loaded === 0 ? `, loaded in ${seconds} s` : ""}`,
      );
      await measure(db, values);
    } finally {
      await databases.close();
    }
  }
}

/** Contacts from all parts of the table, by creation. */
async function readSamples(db: D1Database): Promise<Sample[]> {
  const last = (await db.prepare("SELECT max(seq) AS last FROM contacts").first<number>("last")) ?? 0;
  const answers = await db.batch<Sample>(
    Array.from({ length: SAMPLES }, (_, index) =>
      db
        .prepare(
          `SELECT p.first_name AS first, p.last_name AS last, p.email, c.name AS company, c.id AS companyId,
             c.owner_id AS ownerId
           FROM contacts p JOIN companies c ON c.id = p.company_id WHERE p.seq > ? LIMIT 1`,
        )
        .bind(Math.floor((last * index) / SAMPLES)),
    ),
  );
  return answers.flatMap(({ results }) => results);
}

async function askQuickest(
  { db, take }: CountedDatabase,
  ask: Question["ask"],
  sample: Sample,
  index: number,
): Promise<Reads> {
  let quickest: Reads | undefined;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    await ask(openCrmStore(db, EVERYTHING), sample, index);
    const reads = take();
    if (quickest === undefined || reads.milliseconds < quickest.milliseconds) quickest = reads;
  }
  return quickest as Reads;
}

async function measure(db: D1Database, style: FiguresStyle): Promise<void> {
  const samples = await readSamples(db);
  const counter = countReads(db);
  const table = startFigures(db, ["p50 ms", "p95 ms", "max rows"], style);
  const slow: string[] = [];
  for (const { title, ask } of listQuestions(AS_OF)) {
    const rounds: Reads[] = [];
    for (const [index, sample] of samples.entries()) {
      rounds.push(await askQuickest(counter, ask, sample, index));
    }
    const times = rounds.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
    const at = (share: number) => times[Math.ceil(times.length * share) - 1] ?? 0;
    const figures = [at(0.5).toFixed(0), at(0.95).toFixed(0), maxRows(rounds).toLocaleString("en")];
    await table.add(
      title,
      figures,
      rounds.flatMap(({ statements }) => statements),
    );
    if (at(0.95) > TARGET_MS) slow.push(title);
  }
  table.end();
  console.log(
    slow.length === 0
      ? `Every question is under ${TARGET_MS} ms at p95.`
      : `Over ${TARGET_MS} ms at p95: ${slow.join("; ")}.`,
  );
}

function maxRows(rounds: readonly Reads[]): number {
  return Math.max(...rounds.map(({ rows }) => rows));
}

try {
  await run();
} catch (failure) {
  process.exitCode = reportFailure(failure);
}
