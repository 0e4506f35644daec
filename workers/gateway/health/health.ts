import { Hono } from "hono";
import { changeGate } from "../../../shared/objects/change-gate.ts";
import { principalGate } from "../../../shared/objects/principal-gate.ts";
import { taskGate } from "../../../shared/objects/task.ts";
import { toolGate } from "../../../shared/objects/tool-rate-limit.ts";
import { logFailure } from "../../../shared/observe/log.ts";
import { type Fullness, findFullness } from "../../../shared/observe/storage-alarm.ts";
import { probePolicy } from "../../../shared/policy/current.ts";
import { findOldestUnstored, type UnstoredRecord } from "../../audit-log/unstored-records.ts";
import { findProblems } from "../entrance.ts";
import { grantStore } from "../grants/grant-objects.ts";
import { listDatabases } from "./database-sizes.ts";
import { readTables, requireMedia } from "./probe-stores.ts";
import { RememberedAnswer } from "./remembered-answer.ts";

/** Milliseconds after which a binding counts as failing. */
const PATIENCE = 3_000;
/** A key and an object name that belong to nobody. */
const PROBE = "readiness-probe";

/** One line of `/ready`. `ms` is the time the binding took, in whole milliseconds. */
interface Check {
  name: string;
  ok: boolean;
  ms: number;
}

/** The last answer of `/ready`, by environment. */
const remembered = new WeakMap<Env, RememberedAnswer<Look>>();

/**
 * `/health`: the process answers, and which version of the Worker it is. `/ready`: everything it needs answers too (row T6). Neither needs a token, so `/ready`
 * only reads, and looks once in a few seconds however often it is asked.
 */
export const healthRoutes = new Hono<{ Bindings: Env }>();

healthRoutes.get("/health", (c) => c.json({ status: "ok", version: c.env.VERSION?.id }));

healthRoutes.get("/ready", async (c) => {
  const problems = findProblems(c.env);
  const version = c.env.VERSION?.id;
  if (problems.length > 0) {
    return c.json({ status: "failing", version, failing: problems.map(({ name }) => name), problems }, 503);
  }
  const { checks, late, filling } = await answerOf(c.env).get(() => lookAt(c.env));
  const failing = checks.filter((check) => !check.ok).map((check) => check.name);
  if (failing.length === 0) return c.json({ status: "ok", version, checks, ...describeFilling(filling) });
  return c.json(
    { status: "failing", version, failing, checks, ...describeFilling(filling), ...describeLate(late) },
    503,
  );
});

/** What one look at every part found. */
interface Look {
  checks: Check[];
  /** The oldest record that is not stored although it should be. */
  late: UnstoredRecord | null;
  /** Databases that fill up. They still answer, so Gatehouse is ready. */
  filling: Record<string, Fullness>;
}

async function lookAt(env: Env): Promise<Look> {
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
  return { checks: await Promise.all(probes.map(([name, probe]) => runProbe(name, probe))), late, filling };
}

function answerOf(env: Env): RememberedAnswer<Look> {
  const answer = remembered.get(env) ?? new RememberedAnswer<Look>();
  remembered.set(env, answer);
  return answer;
}

type Probe = () => Promise<unknown>;

function listProbes(env: Env): [string, Probe][] {
  return [
    ["OAUTH_KV", () => env.OAUTH_KV.get(PROBE)],
    ["MEDIA", () => requireMedia(env.KNOWLEDGE_DB, env.MEDIA)],
    ["PRINCIPAL", () => principalGate(env, PROBE).readContext(PROBE)],
    ["GRANT_STORE", () => grantStore(env, PROBE).read(PROBE)],
    ["TOOL_LIMITER", () => toolGate(env, PROBE).countTurns()],
    ["TASK_RUNNER", () => taskGate(env, PROBE).listKept()],
    ["CHANGE_HUB", () => changeGate(env, PROBE).countEnrolled()],
    // What was published last, and not only that some policy is in force.
    ["policy", () => probePolicy(env)],
    // A queue cannot be asked without sending to it; that it is bound is what can be known.
    ["CALL_QUEUE", async () => requireSend(env.CALL_QUEUE)],
  ];
}

async function runProbe(name: string, probe: Probe): Promise<Check> {
  const start = Date.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`No answer within ${PATIENCE} ms.`)), PATIENCE);
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
 * The oldest record that should have been stored and is not. By its hash: anybody may ask, and chains are named after
 * people. The log names its chain.
 */
function describeLate(late: UnstoredRecord | null) {
  if (late === null) return {};
  const { at, sequence, hash } = late;
  return { oldest_record_not_stored: { at: new Date(at).toISOString(), sequence, hash } };
}

/** The databases that need an operator soon, with their size. */
function describeFilling(filling: Look["filling"]) {
  return Object.keys(filling).length === 0 ? {} : { filling_up: filling };
}

function requireSend(queue: Queue): void {
  if (typeof queue.send !== "function") throw new Error("CALL_QUEUE is not a queue.");
}
