import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { reportFailure } from "../local/failure.ts";
import { buildVariant } from "./calls/build.ts";
import { signPeopleIn } from "./calls/people.ts";
import { findFreePort, type RunningWorker, startGateway } from "./calls/runtime.ts";
import { GUARDED } from "./calls/variants.ts";
import { countRuntimes } from "./sessions/open-files.ts";
import { inMiB, type Moment, printReport } from "./sessions/report.ts";
import { type OpenSession, openSession } from "./sessions/session-client.ts";
import { together } from "./sessions/together.ts";

const HELP = `Opens sessions with a GET stream each and keeps all of them open; then every session makes a call, which wakes its
object, and the last thousand of them make another one.

  npm run bench -- sessions [--sessions 10000] [--people 40] [--callers 4]

Client and server share this machine. A stream takes two files of the runtime's process, so several runtimes share the
sessions where the system allows too few (ulimit -n).
`;

/** Sessions that are opened at the same time, of one runtime. */
const OPENERS = 8;

/** Sessions of each runtime that are open before memory is looked at: what it needs once belongs to none of them. */
const WARM_UP = 100;

/** Sessions that make a second call, soon enough that their objects are still awake. */
const CALLED_AGAIN = 1_000;

/** Milliseconds without a message after which every object has hibernated: the runtime takes ten seconds. */
const HIBERNATION_MS = 25_000;

process.env.WRANGLER_SEND_METRICS = "false";
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
process.env.WRANGLER_LOG = "error";
process.env.WRANGLER_WRITE_LOGS = "false";

/** One runtime with its share of the sessions. */
interface Stand {
  worker: RunningWorker;
  open(): Promise<OpenSession>;
}

const began = performance.now();
const messages = new http.Agent({ keepAlive: true, maxSockets: 64 });
const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-sessions-"));
const stands: Stand[] = [];
const sessions: OpenSession[] = [];
const { values } = parseArgs({
  options: {
    sessions: { type: "string", default: "10000" },
    people: { type: "string", default: "40" },
    callers: { type: "string", default: "4" },
    help: { type: "boolean" },
  },
});
try {
  if (values.help) console.log(HELP);
  else await measure(Number(values.sessions), Number(values.people), Number(values.callers));
} catch (failure) {
  process.exitCode = reportFailure(failure);
} finally {
  for (const session of sessions) session.close();
  messages.destroy();
  await Promise.all(stands.map(({ worker }) => worker.stop()));
  await rm(folder, { recursive: true, force: true });
}

async function measure(count: number, people: number, callers: number): Promise<void> {
  say("building");
  const script = await buildVariant(GUARDED);
  const runtimes = countRuntimes(count);
  say(`starting ${runtimes} runtimes and signing ${people} people in`);
  for (let number = 1; number <= runtimes; number += 1) {
    stands.push(await start(script, String(number), Math.ceil(people / runtimes)));
  }
  await openSessions(WARM_UP * runtimes);
  const before = await look();
  say(`${sessions.length} sessions, ${inMiB(before.memory)}; opening ${count}`);
  while (sessions.length < count) {
    await openSessions(Math.min(1_000, count - sessions.length));
    say(`${sessions.length} sessions, ${inMiB((await look()).memory)}`);
  }
  const opened = await look();
  await wait(HIBERNATION_MS);
  const hibernated = await look();
  say(`hibernated, ${inMiB(hibernated.memory)}`);
  const waking = await call(sessions, callers);
  say("every session made a call that woke its object");
  const awake = await call(sessions.slice(-CALLED_AGAIN), callers);
  const listening = sessions.filter((session) => session.isListening()).length;
  printReport({
    count,
    runtimes,
    listening,
    before,
    opened,
    hibernated,
    warmUp: WARM_UP * runtimes,
    waking,
    awake,
  });
  if (listening < count) throw new Error(`${count - listening} streams were closed.`);
}

async function start(script: string, name: string, people: number): Promise<Stand> {
  const port = await findFreePort();
  const publicUrl = `http://localhost:${port}`;
  const worker = await startGateway({ script, folder: path.join(folder, name), publicUrl, port });
  const tokens = await signPeopleIn(await worker.migrate(), `${publicUrl}/mcp`, people);
  let opened = 0;
  const open = () => {
    opened += 1;
    const token = tokens[opened % tokens.length] ?? "";
    return openSession({ port, host: `localhost:${port}`, token, messages });
  };
  return { worker, open };
}

async function openSessions(count: number): Promise<void> {
  const shares = stands.map(({ open }) =>
    together(Math.ceil(count / stands.length), OPENERS, async () => void sessions.push(await open())),
  );
  await Promise.all(shares);
}

/** Lets sessions call once, a few at a time, and measures each call. */
async function call(
  who: readonly OpenSession[],
  callers: number,
): Promise<{ times: number[]; seconds: number; cpu: number }> {
  const times: number[] = [];
  const waiting = [...who].reverse();
  const before = await look();
  const started = performance.now();
  await together(waiting.length, callers, async () => {
    const sent = performance.now();
    await waiting.pop()?.call();
    times.push(performance.now() - sent);
  });
  const seconds = (performance.now() - started) / 1000;
  return { times, seconds, cpu: ((await look()).cpu - before.cpu) / times.length };
}

/** What all runtimes together use now. Throws where the system does not tell. */
async function look(): Promise<Moment> {
  let memory = 0;
  let cpu = 0;
  for (const { worker } of stands) {
    const [bytes, milliseconds] = [await worker.readMemory(), await worker.readCpu()];
    if (bytes === null || milliseconds === null)
      throw new Error("This system has no /proc to read memory from.");
    memory += bytes;
    cpu += milliseconds;
  }
  return { memory, cpu };
}

function say(what: string): void {
  console.log(`[${((performance.now() - began) / 1000).toFixed(0).padStart(3)} s] ${what}`);
}
