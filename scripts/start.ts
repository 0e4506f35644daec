import { rm } from "node:fs/promises";
import path from "node:path";
import {
  type DemonstrationDatabase,
  startDemonstrationDatabase,
} from "./demonstration/demonstration-database.ts";
import { removeServerFolder } from "./demonstration/server-folder.ts";
import { renderCard } from "./local/card.ts";
import { command, runScript, type Values } from "./local/command-line.ts";
import { listLoaders } from "./local/demonstration.ts";
import { reportFailure } from "./local/failure.ts";
import { takeStateFolder } from "./local/lock.ts";
import { watchParent } from "./local/parent.ts";
import { parsePort, requireFreePort } from "./local/port.ts";
import { prepareDatabases } from "./local/prepare.ts";
import { createReporter, type Reporter } from "./local/reporter.ts";
import { ROOT } from "./local/root.ts";
import { noteServer } from "./local/running-server.ts";
import { isRuntimeNoise } from "./local/runtime-noise.ts";
import { type LocalServer, startServer } from "./local/server.ts";
import { killChildrenOnExit } from "./local/watchdog.ts";
import { parseWholeNumber } from "./local/whole-number.ts";
import { openWorkerLog } from "./local/worker-log.ts";
import { DEMO_PASSWORD, DEMO_PEOPLE } from "./seed/people.ts";

const HELP = `Runs Gatehouse on this machine, on embedded local storage, with demonstration data.

  npm start                         port 8787; the data stays between starts
  PORT=9000 npm start               another port; npm start -- --port 9000 as well
  npm start -- --reset              starts with empty storage and fresh data
  npm start -- --contacts 100000    how many contacts the CRM has when it is first loaded (up to 1,000,000)
  npm start -- --events 200000      how many analytics events are first loaded (up to 1,000,000)
  npm start -- --state <folder>     keeps the storage elsewhere
  npm start -- --no-watch           does not rebuild when a source file changes
  npm start -- --no-database        without the demonstration's PostgreSQL
`;

const TEXT = { type: "string" } as const;
const FLAG = { type: "boolean", default: false } as const;
const TAKES = {
  port: TEXT,
  state: TEXT,
  contacts: TEXT,
  events: TEXT,
  reset: FLAG,
  "no-watch": FLAG,
  "no-database": FLAG,
} as const;

/** `npm start`. */
export const START = { name: "start", help: HELP, commands: { "": command({ takes: TAKES }, start) } };

const started = performance.now();
const cleanUps: (() => unknown)[] = [];
let ready = false;
let stopping = false;

if (import.meta.main) {
  process.env.WRANGLER_SEND_METRICS = "false";
  // Otherwise the emulator would look up this machine's location on the internet, and warn at length when
  // offline.
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
  surviveFullDisk();
  ownSignals();
  // Only under npm: `node scripts/start.ts &` may outlive its shell.
  if (process.env.npm_lifecycle_event !== undefined) watchParent(() => void stop(0));
  try {
    await runScript(START);
  } catch (failure) {
    if (!stopping) await stop(reportFailure(failure));
  }
}

async function start(flags: Values<typeof TAKES>): Promise<void> {
  const port = parsePort(flags.port ?? process.env.PORT);
  await requireFreePort(port);
  const stateFolder = path.resolve(flags.state ?? path.join(ROOT, ".wrangler/state"));
  const reporter = createReporter();
  const giveBack = takeStateFolder(stateFolder);
  process.once("exit", giveBack);
  killChildrenOnExit();
  if (flags.reset) {
    await reporter.step("Emptying local storage", () => {
      removeServerFolder(stateFolder);
      return rm(path.join(stateFolder, "v3"), { recursive: true, force: true });
    });
  }
  // At the same time as the other data: making a database takes as long as they do.
  const database = flags["no-database"] ? Promise.resolve(null) : openDatabase(stateFolder, reporter);
  await prepareDatabases({
    stateFolder,
    loaders: listLoaders({
      contacts: parseCount("contacts", flags.contacts),
      events: parseCount("events", flags.events),
    }),
    ...reporter,
    finish: async (databases) => await (await database)?.publish(databases),
  });
  ownSignals();
  const server = await reporter.step("Building and starting the Worker", () =>
    serve(port, stateFolder, !flags["no-watch"]),
  );
  ready = true;
  console.log(
    renderCard({
      url: server.url,
      servers: ["analytics", "crm", "knowledge", ...((await database) === null ? [] : ["demoshop"])],
      people: DEMO_PEOPLE,
      password: DEMO_PASSWORD,
      seconds: (performance.now() - started) / 1000,
      logFile: path.relative(process.cwd(), logPath(stateFolder)),
    }),
  );
}

/** The demonstration's PostgreSQL; `null`, with a sentence, if it cannot run here. */
async function openDatabase(stateFolder: string, reporter: Reporter): Promise<DemonstrationDatabase | null> {
  try {
    const database = await startDemonstrationDatabase(stateFolder);
    cleanUps.push(() => database.stop());
    return database;
  } catch (failure) {
    const reason = failure instanceof Error ? failure.message : String(failure);
    reporter.note(
      `Without the demonstration's PostgreSQL, which cannot run here: ${reason.replace(/\.$/, "")}.`,
    );
    return null;
  }
}

async function serve(port: number, stateFolder: string, watch: boolean): Promise<LocalServer> {
  const log = openWorkerLog(logPath(stateFolder), (text) => console.error(text));
  const server = await startServer({
    port,
    stateFolder,
    watch,
    onLine({ level, message }) {
      log.write(message);
      if ((level === "error" || level === "warn") && !isRuntimeNoise(message)) console.error(message);
    },
  });
  cleanUps.push(() => server.stop(), noteServer(stateFolder, server.url));
  ownSignals();
  return server;
}

function logPath(stateFolder: string): string {
  return path.join(stateFolder, "worker.log");
}

function parseCount(name: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseWholeNumber(name, text);
}

/**
 * Shuts down in an orderly way on every signal. The emulator adds its own handlers at each start, which end
 * this process at once: this function replaces them each time. They also clean up when the process exits.
 */
function ownSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.removeAllListeners(signal);
    // Stopping a running Gatehouse is a success; interrupting a start is not (128 + SIGINT).
    process.on(signal, () => void stop(ready ? 0 : 130));
  }
}

/** Output to a file on a full disk is lost, and does not end the process. A closed pipe still does. */
function surviveFullDisk(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (failure: NodeJS.ErrnoException) => {
      if (failure.code !== "ENOSPC" && failure.code !== "EDQUOT") throw failure;
    });
  }
}

async function stop(code: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  for (const cleanUp of cleanUps.reverse()) {
    // A part that fails to stop must not keep the others running.
    await Promise.resolve(cleanUp()).catch((failure: unknown) => console.error(failure));
  }
  process.exit(code);
}
