import { Hono } from "hono";
import { changeGate } from "../../shared/objects/change-gate.ts";
import { principalGate } from "../../shared/objects/principal-gate.ts";
import { taskGate } from "../../shared/objects/task.ts";
import { toolGate } from "../../shared/objects/tool-rate-limit.ts";
import { logFailure } from "../../shared/observe/log.ts";
import { probePolicy } from "../../shared/policy/current.ts";
import { findProblems } from "./entrance.ts";

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

/** `/health`: the process answers. `/ready`: everything it needs answers too (row T6). Neither needs a token. */
export const healthRoutes = new Hono<{ Bindings: Env }>();

healthRoutes.get("/health", (c) => c.json({ status: "ok" }));

healthRoutes.get("/ready", async (c) => {
  const problems = findProblems(c.env);
  if (problems.length > 0) {
    return c.json({ status: "failing", failing: problems.map(({ name }) => name), problems }, 503);
  }
  const checks = await Promise.all(listProbes(c.env).map(([name, probe]) => runProbe(name, probe)));
  const failing = checks.filter((check) => !check.ok).map((check) => check.name);
  if (failing.length === 0) return c.json({ status: "ok", checks });
  return c.json({ status: "failing", failing, checks }, 503);
});

type Probe = () => Promise<unknown>;

function listProbes(env: Env): [string, Probe][] {
  // By the naming rule of wrangler.toml, so that a new server's database is watched without a change here.
  const databases = Object.entries({ ...env }).filter(([name]) => name.endsWith("_DB")) as [
    string,
    D1Database,
  ][];
  return [
    ...databases.map(([name, database]): [string, Probe] => [
      name,
      () => database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").first(),
    ]),
    ["OAUTH_KV", () => env.OAUTH_KV.get(PROBE)],
    ["MEDIA", () => env.MEDIA.head(PROBE)],
    ["PRINCIPAL", () => principalGate(env, PROBE).readContext(PROBE)],
    ["GRANT_STORE", () => env.GRANT_STORE.get(env.GRANT_STORE.idFromName(PROBE)).read(PROBE)],
    ["TOOL_LIMITER", () => toolGate(env, PROBE).take(1)],
    ["TASK_RUNNER", () => taskGate(env, PROBE).listKept()],
    ["CHANGE_HUB", () => changeGate(env, PROBE).subscribe({ binding: PROBE, name: PROBE }, null)],
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

function requireSend(queue: Queue): void {
  if (typeof queue.send !== "function") throw new Error("CALL_QUEUE is not a queue.");
}
