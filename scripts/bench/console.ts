import { mkdir, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { writeDays } from "../../workers/audit-log/figures/write-days.ts";
import { Browser, findForm } from "../demo/browser.ts";
import { openLocalDatabases } from "../local/databases.ts";
import { CommandFailure } from "../local/failure.ts";
import { applyMigrations, readMigrations } from "../local/migrate.ts";
import { pickPort } from "../local/port.ts";
import { startServer } from "../local/server.ts";
import { DEMO_PASSWORD, seedPeople } from "../seed/people.ts";
import { loadSearch } from "./console/load-search.ts";
import { loadTrail } from "./console/load-trail.ts";
import { readBench } from "./options.ts";

const HELP = `
Measures the console over a long trail: how fast its records are stored, and the time of every page at p50 and p95.

  npm run bench -- console [--records 1000000] [--people 100] [--calls 0] [--samples 30] [--folder <path>]

Records go through the consumer of the trail, into segments. --calls adds that many calls to the search and the counts below
them, without records: up to 10,000,000. With --folder, what was loaded stays there and is measured again the next time.
`;

/** Of three askings of a page in a row the quickest counts, so that a busy machine does not look like a slow page. */
const REPEATS = 3;
const TARGET_MS = 300;

const { values } = readBench("console");
const [records, people, calls, samples] = [values.records, values.people, values.calls, values.samples].map(
  Number,
) as [number, number, number, number];
if (
  !Number.isInteger(records) ||
  records < 1_000 ||
  records > 2_000_000 ||
  !(people >= 1 && people <= 10_000) ||
  !(calls >= 0 && calls <= 10_000_000)
) {
  throw new CommandFailure(
    "--records takes a number from 1,000 to 2,000,000, --people one up to 10,000, --calls one up to 10,000,000.",
    HELP,
  );
}
const folder =
  values.folder === undefined
    ? await mkdtemp(path.join(os.tmpdir(), "gatehouse-console-"))
    : path.resolve(values.folder);
try {
  await mkdir(folder, { recursive: true });
  if ((await load(folder)) && calls > 0) {
    const began = performance.now();
    await loadSearch(folder, calls, 200);
    console.log(
      `${calls.toLocaleString("en")} calls more in ${Math.round((performance.now() - began) / 1_000)} s.`,
    );
  }
  await measure(folder);
} finally {
  if (values.folder === undefined) await rm(folder, { recursive: true, force: true });
}

/** Returns whether something was loaded. */
async function load(stateFolder: string): Promise<boolean> {
  const databases = await openLocalDatabases(stateFolder);
  try {
    for (const { connection, migrationsFolder } of databases.all) {
      await applyMigrations(connection, await readMigrations(migrationsFolder));
    }
    const db = databases.all.find(({ binding }) => binding === "PLATFORM_DB")?.connection;
    if (db === undefined) throw new Error("PLATFORM_DB is not configured.");
    if ((await db.prepare("SELECT 1 FROM audit_segment LIMIT 1").first()) !== null) return false;
    await seedPeople(db, { asOf: new Date(), report: () => {} });
    const ids = Array.from({ length: people }, (_, index) => `bench-person-${index}`);
    const add = `INSERT INTO "user" ("id", "name", "email", "createdAt", "updatedAt", "role") VALUES (?1, ?2, ?1 || '@bench.example', '', '', 'sales')`;
    await db.batch(ids.map((id, index) => db.prepare(add).bind(id, `Person ${index}`)));
    const began = performance.now();
    await loadTrail({ PLATFORM_DB: db, AUDIT_SEGMENTS: databases.segments }, records, ids, Date.now());
    const seconds = (performance.now() - began) / 1_000;
    const days = await writeDays(db, Date.now(), { clock: () => 0, ms: 1, rounds: Number.POSITIVE_INFINITY });
    console.log(
      `${records.toLocaleString("en")} records of ${people} people, stored and counted in ${Math.round(seconds)} s: ` +
        `${Math.round(records / seconds).toLocaleString("en")} records a second; ${days} days written in ` +
        `${(performance.now() - began - seconds * 1_000).toFixed(0)} ms.`,
    );
    return true;
  } finally {
    await databases.close();
  }
}

async function measure(stateFolder: string): Promise<void> {
  const server = await startServer({
    port: await pickPort(),
    stateFolder,
    watch: false,
    onLine: () => {},
  });
  try {
    const browser = await signIn(server.url);
    const slow: string[] = [];
    for (const [title, address] of await listPages(browser, server.url)) {
      const times: number[] = [];
      for (let sample = 0; sample < samples; sample += 1) {
        times.push(await askQuickest(browser, `${server.url}${address}`));
      }
      times.sort((one, other) => one - other);
      const at = (share: number) => times[Math.ceil(times.length * share) - 1] ?? 0;
      console.log(
        `${title.padEnd(52)}${at(0.5).toFixed(0).padStart(8)} ms${at(0.95).toFixed(0).padStart(8)} ms`,
      );
      if (at(0.95) > TARGET_MS) slow.push(title);
    }
    console.log(
      slow.length === 0
        ? `Every page answers within ${TARGET_MS} ms at p95.`
        : `Over ${TARGET_MS} ms at p95: ${slow.join("; ")}.`,
    );
  } finally {
    await server.stop();
  }
}

async function askQuickest(browser: Browser, address: string): Promise<number> {
  let quickest = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    const began = performance.now();
    const page = await browser.open(address);
    if (page.status !== 200) throw new Error(`${address} answers ${page.status}.`);
    quickest = Math.min(quickest, performance.now() - began);
  }
  return quickest;
}

async function signIn(url: string): Promise<Browser> {
  const browser = new Browser();
  const page = await browser.open(`${url}/sign-in`);
  if (!("html" in page)) throw new Error("No page to sign in.");
  const form = findForm(page, "email");
  const own = { email: "admin@gatehouse.example", password: DEMO_PASSWORD };
  const fields = form.fields.map(([name, value]): [string, string] => [name, own[name as "email"] ?? value]);
  await browser.send(form, fields);
  return browser;
}

async function textOf(browser: Browser, address: string): Promise<string> {
  const page = await browser.open(address);
  return "html" in page ? page.html : "";
}

/** Every page, with filters that are common, rare, combined, and without any result. */
async function listPages(browser: Browser, url: string): Promise<[title: string, address: string][]> {
  const list = await browser.open(`${url}/console/trail`);
  const call =
    /\/console\/trail\/calls\/[\d.]+/.exec("html" in list ? list.html : "")?.[0] ?? "/console/trail";
  const trace =
    /[?&;]trace=([0-9a-f]{32})/.exec(await textOf(browser, `${url}${call}`))?.[1] ?? "0".repeat(32);
  const from = new Date(Date.now() - 30 * 86_400_000).toISOString().slice(0, 16);
  return [
    ["overview of a day", "/console/overview"],
    ["overview of a week", "/console/overview?span=week"],
    ["overview of a month", "/console/overview?span=month"],
    ["approvals", "/console/approvals"],
    ["people", "/console/people"],
    ["policy", "/console/policy"],
    ["policy: explain", "/console/policy/explain"],
    ["sessions", "/console/sessions"],
    ["connections", "/console/connections"],
    ["dead letters", "/console/dead-letters"],
    ["alerts", "/console/alerts"],
    ["settings", "/console/settings"],
    ["standing approvals", "/console/approvals/standing"],
    ["calls: by a trace", `/console/trail?trace=${trace}`],
    ["calls: by a trace, of a person", `/console/trail?trace=${trace}&person=bench-person-0`],
    ["calls: from a month ago", `/console/trail?to=${from}`],
    [
      "calls: time, person, app, tool, decision, outcome",
      `/console/trail?to=${from}&person=bench-person-0&app=bench-app-3&name=fetch&decision=allow&status=failed`,
    ],
    ["calls: newest", "/console/trail"],
    ["calls: of a person", "/console/trail?person=bench-person-0"],
    [
      "calls: of a person, a tool, that failed",
      "/console/trail?person=bench-person-0&name=fetch&status=failed",
    ],
    ["calls: of an app, denied, a month ago", `/console/trail?app=bench-app-3&decision=scope&to=${from}`],
    ["calls: of a tool, before a month", `/console/trail?name=analytics_sql&to=${from}`],
    ["calls: over a limit", "/console/trail?status=limited"],
    ["calls: nothing fits", "/console/trail?app=bench-app-1&decision=mfa"],
    ["calls: by a trace that is not there", `/console/trail?trace=${"0".repeat(32)}`],
    ["one call", call],
    ["records: newest", "/console/trail/records"],
    ["records: of a chain, old", "/console/trail/records?chain=bench-person-0&before=500"],
    ["check of 1,000 records", "/console/trail/check?chain=bench-person-0"],
  ];
}
