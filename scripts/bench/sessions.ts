import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { reportFailure } from "../local/failure.ts";
import { parseWholeNumber } from "../local/whole-number.ts";
import { buildVariant } from "./calls/build.ts";
import { BARE, GUARDED } from "./calls/variants.ts";
import { readBench } from "./options.ts";
import { HIBERNATION_MS, type IdleMemory, measureIdleMemory } from "./sessions/idle-memory.ts";
import { countRuntimes } from "./sessions/open-files.ts";
import { inMiB, printReport, type Spread } from "./sessions/report.ts";
import type { OpenSession } from "./sessions/session-client.ts";
import { type Moment, type Stand, startGuarded, startUnguarded } from "./sessions/stand.ts";
import { together } from "./sessions/together.ts";

const HELP = `Measures what an idle session takes, in the gateway and on a bare McpAgent: of the runtime's process, and of the
Worker's heap after garbage was collected. Then opens sessions with a GET stream each and keeps all of them open; every
session makes a call, which wakes its object, the last thousand of them make another one, and a published policy tells
all of them that their tools have changed.

  npm run bench -- sessions [--sessions 10000] [--people 40] [--callers 4]

Client and server share this machine. A stream takes two files of the runtime's process, so several runtimes share the
sessions where the system allows too few (ulimit -n).
`;

/** Milliseconds after which a session without a notification counts as failed. */
const PATIENCE_MS = 300_000;

/** Sessions that make a second call, soon enough that their objects are still awake. */
const CALLED_AGAIN = 1_000;

process.env.WRANGLER_LOG = "error";
process.env.WRANGLER_WRITE_LOGS = "false";

const began = performance.now();
const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-sessions-"));
const stands: Stand[] = [];
try {
  await run();
} catch (failure) {
  process.exitCode = reportFailure(failure);
} finally {
  await Promise.all(stands.map((stand) => stand.stop()));
  await rm(folder, { recursive: true, force: true });
}

async function run(): Promise<void> {
  const { values } = readBench("sessions");
  if (values.help) return console.log(HELP);
  await measure(
    parseWholeNumber("sessions", values.sessions),
    parseWholeNumber("people", values.people, 1_000),
    parseWholeNumber("callers", values.callers, 64),
  );
}

async function measure(count: number, people: number, callers: number): Promise<void> {
  say("building");
  const place = (name: string, inspected = false) => ({ folder: path.join(folder, name), inspected });
  const [{ script: bareScript }, { script }] = [await buildVariant(BARE), await buildVariant(GUARDED)];
  const bare = await measureIdle("a bare McpAgent", () =>
    startUnguarded({ script: bareScript, ...place("bare", true) }),
  );
  const guarded = await measureIdle("the gateway", () =>
    startGuarded({ script, ...place("idle", true) }, people),
  );

  const runtimes = countRuntimes(count);
  say(`starting ${runtimes} runtimes of the gateway and signing ${people} people in`);
  for (let number = 1; number <= runtimes; number += 1) {
    stands.push(await startGuarded({ script, ...place(String(number)) }, Math.ceil(people / runtimes)));
  }
  while (countListening() < count) {
    const share = Math.ceil(Math.min(1_000, count - countListening()) / runtimes);
    await Promise.all(stands.map((stand) => stand.open(share, true)));
    say(`${countListening()} sessions with a stream, ${inMiB((await look()).memory)}`);
  }
  await wait(HIBERNATION_MS);
  const { memory } = await look();
  const listening = stands.flatMap(({ sessions }) => sessions.filter((session) => session.isListening()));
  const waking = await call(listening, callers);
  say("every session made a call that woke its object");
  const awake = await call(listening.slice(-CALLED_AGAIN), callers);
  await wait(HIBERNATION_MS);
  say("publishing a policy");
  const spread = await spreadNews(listening, callers);
  const left = countListening();
  const total = listening.length;
  printReport({ count: total, runtimes, listening: left, memory, guarded, bare, waking, awake, spread });
  if (left < total) throw new Error(`${total - left} streams were closed.`);
}

/** Measures in a separate runtime, which ends with it. */
async function measureIdle(what: string, start: () => Promise<Stand>): Promise<IdleMemory> {
  say(`idle sessions of ${what}`);
  const stand = await start();
  stands.push(stand);
  const memory = await measureIdleMemory(stand, say);
  stands.pop();
  await stand.stop();
  return memory;
}

function countListening(): number {
  const open = stands.map(({ sessions }) => sessions.filter((session) => session.isListening()).length);
  return open.reduce((sum, number) => sum + number, 0);
}

/** Lets each session call once, a few at a time, and measures each call. */
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

/**
 * Publishes a policy that changes the list of tools for all users, and waits until all streams have announced
 * it. Calls from any session go on meanwhile.
 */
async function spreadNews(who: readonly OpenSession[], callers: number): Promise<Spread> {
  const calls: number[] = [];
  const published = performance.now();
  const isOver = () =>
    performance.now() - published > PATIENCE_MS || who.every((session) => session.toldAt() > published);
  const keepCalling = async () => {
    while (!isOver()) {
      const sent = performance.now();
      await who[Math.floor(Math.random() * who.length)]?.call();
      calls.push(performance.now() - sent);
    }
  };
  const publishing = stands.map((stand) => stand.publish());
  await Promise.all([...publishing, ...Array.from({ length: callers }, keepCalling)]);
  const told = who.map((session) => session.toldAt()).filter((at) => at > published);
  return { told: told.map((at) => at - published), calls };
}

/** Current resource use of all runtimes together. */
async function look(): Promise<Moment> {
  const moments = await Promise.all(stands.map((stand) => stand.look()));
  return {
    memory: moments.reduce((sum, { memory }) => sum + memory, 0),
    cpu: moments.reduce((sum, { cpu }) => sum + cpu, 0),
  };
}

function say(what: string): void {
  console.log(`[${((performance.now() - began) / 1000).toFixed(0).padStart(3)} s] ${what}`);
}
