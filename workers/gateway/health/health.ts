import { Hono } from "hono";
import { attemptGate } from "../../../shared/objects/attempt-gate.ts";
import { changeGate } from "../../../shared/objects/change-gate.ts";
import { principalGate } from "../../../shared/objects/principal-gate.ts";
import { taskGate } from "../../../shared/objects/task.ts";
import { toolGate } from "../../../shared/objects/tool-rate-limit.ts";
import { logFailure } from "../../../shared/observe/log.ts";
import { type Fullness, findFullness } from "../../../shared/observe/storage-alarm.ts";
import { probePolicy } from "../../../shared/policy/current.ts";
import { readLags, type SinkLag } from "../../audit-log/sinks/cursor.ts";
import { FURTHER_SINKS } from "../../audit-log/sinks/list.ts";
import { findOldestUnstored, type UnstoredRecord } from "../../audit-log/unstored-records.ts";
import { describeStates, type PublishedState, readStates } from "../connections/states.ts";
import { findProblems } from "../entrance.ts";
import { grantStore } from "../grants/grant-objects.ts";
import { listDatabases } from "./database-sizes.ts";
import { readTables, requireMedia, requireSegment } from "./probe-stores.ts";
import { RememberedAnswer } from "./remembered-answer.ts";

/** Milliseconds after which a binding counts as failing. */
const TIMEOUT_MS = 3_000;
/** A key and object name without an owner. */
const PROBE = "readiness-probe";

/** One line of `/ready`. `ms` is the binding's response time in whole milliseconds. */
interface Check {
  name: string;
  ok: boolean;
  ms: number;
}

/** The last response of `/ready`, by environment. */
const remembered = new WeakMap<Env, RememberedAnswer<Inspection>>();

/**
 * `/health`: the process responds. `/ready`: everything it needs responds too (row T6). Neither needs a
 * token, so `/ready` only reads, and checks at most once in a few seconds.
 */
export const healthRoutes = new Hono<{ Bindings: Env }>();

healthRoutes.get("/health", (c) => c.json({ status: "ok", version: c.env.VERSION?.id }));

healthRoutes.get("/ready", async (c) => {
  const problems = findProblems(c.env);
  const version = c.env.VERSION?.id;
  if (problems.length > 0) {
    return c.json({ status: "failing", version, failing: problems.map(({ name }) => name), problems }, 503);
  }
  const { checks, late, lags, filling, states } = await inspectParts(c.env);
  const failing = checks.filter((check) => !check.ok).map((check) => check.name);
  const details = { ...describeFilling(filling), ...describeLags(lags), ...describeStates(states) };
  if (failing.length === 0) return c.json({ status: "ok", version, checks, ...details });
  return c.json({ status: "failing", version, failing, checks, ...describeLate(late), ...details }, 503);
});

/** Looks at every part, at most once in a few seconds. */
export function inspectParts(env: Env): Promise<Inspection> {
  return answerOf(env).get(() => inspect(env));
}

/** Results of one check of every part. */
export interface Inspection {
  checks: Check[];
  /** The oldest record that is overdue in the database. */
  late: UnstoredRecord | null;
  /** How far further sinks of the trail are behind. None of them makes Gatehouse unready: the trail does not wait for them. */
  lags: SinkLag[];
  /** Databases above the storage alarm. They still answer, so Gatehouse is ready. */
  filling: Record<string, Fullness>;
  states: PublishedState[];
}

async function inspect(env: Env): Promise<Inspection> {
  let late: UnstoredRecord | null = null;
  const audit: Probe = async () => {
    late = await findOldestUnstored(env.OAUTH_KV);
    if (late !== null) throw new Error(`Records since ${new Date(late.at).toISOString()} are not stored.`);
  };
  const filling: Record<string, Fullness> = {};
  const databases = listDatabases(env).map(([name, database]): [string, Probe] => [
    name,
    async () => {
      const fullness = findFullness(await readTables(name, database));
      if (fullness !== null) filling[name] = fullness;
    },
  ]);
  const probes: [string, Probe][] = [...databases, ...listProbes(env), ["audit_trail", audit]];
  const [checks, lags, states] = await Promise.all([
    Promise.all(probes.map(([name, probe]) => runProbe(name, probe))),
    lookAtSinks(env),
    // A database that is away is named by its own probe.
    readStates(env).catch(() => []),
  ]);
  return { checks, late, lags, filling, states };
}

async function lookAtSinks(env: Env): Promise<SinkLag[]> {
  const names = FURTHER_SINKS.filter(({ isConfigured }) => isConfigured?.(env) ?? true).map(
    ({ name }) => name,
  );
  if (names.length === 0) return [];
  // A database that is away is named by its own probe.
  return readLags(env.PLATFORM_DB, names, Date.now()).catch(() => []);
}

function answerOf(env: Env): RememberedAnswer<Inspection> {
  const answer = remembered.get(env) ?? new RememberedAnswer<Inspection>();
  remembered.set(env, answer);
  return answer;
}

type Probe = () => Promise<unknown>;

function listProbes(env: Env): [string, Probe][] {
  return [
    ["OAUTH_KV", () => env.OAUTH_KV.get(PROBE)],
    ["MEDIA", () => requireMedia(env.KNOWLEDGE_DB, env.MEDIA)],
    ["AUDIT_SEGMENTS", () => requireSegment(env)],
    ["PRINCIPAL", () => principalGate(env, PROBE).readContext(PROBE)],
    ["GRANT_STORE", () => grantStore(env, PROBE).read(PROBE)],
    ["TOOL_LIMITER", () => toolGate(env, PROBE).countTurns()],
    ["TASK_RUNNER", () => taskGate(env, PROBE).listKept()],
    ["ATTEMPTS", () => attemptGate(env, "00000000").countCounters()],
    ["CHANGE_HUB", () => changeGate(env, PROBE).countEnrolled()],
    // Checks the newest publication, not only that some policy is in force.
    ["policy", () => probePolicy(env)],
    // A queue cannot be probed without sending to it, so only its binding is checked.
    ["CALL_QUEUE", async () => requireSend(env.CALL_QUEUE)],
  ];
}

async function runProbe(name: string, probe: Probe): Promise<Check> {
  const start = Date.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`No answer within ${TIMEOUT_MS} ms.`)), TIMEOUT_MS);
    });
    await Promise.race([probe(), deadline]);
    return { name, ok: true, ms: Date.now() - start };
  } catch (failure) {
    logFailure("not_ready", failure, { probe: name });
    return { name, ok: false, ms: Date.now() - start };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The oldest overdue record, by its hash: the response is public, and chains are named after users. The log
 * names its chain.
 */
function describeLate(late: UnstoredRecord | null) {
  if (late === null) return {};
  const { at, sequence, hash } = late;
  return { oldest_record_not_stored: { at: new Date(at).toISOString(), sequence, hash } };
}

function describeLags(lags: readonly SinkLag[]) {
  if (lags.length === 0) return {};
  const sinks = lags.map(({ name, lagMs, failures, refused }) => ({
    name,
    lag_seconds: Math.round(lagMs / 1000),
    failures,
    ...(refused > 0 && { refused }),
  }));
  return { audit_sinks: sinks };
}

/** The databases above the storage alarm, with their size. */
function describeFilling(filling: Inspection["filling"]) {
  return Object.keys(filling).length === 0 ? {} : { filling_up: filling };
}

function requireSend(queue: Queue): void {
  if (typeof queue.send !== "function") throw new Error("CALL_QUEUE is not a queue.");
}
