import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { CommandFailure } from "../local/failure.ts";
import { type ProcessResult, runWrangler } from "../local/process.ts";
import { formatCommand, type Step } from "./plan.ts";

/** How long a deployed Worker may take until it answers at its address. */
const READY_WITHIN_MS = 90_000;

/**
 * Runs steps in order. Throws a {@link CommandFailure} that tells the state of things at the first that
 * fails.
 */
export async function runSteps(steps: readonly Step[]): Promise<void> {
  for (const [index, step] of steps.entries()) {
    console.log(`\n${index + 1}/${steps.length} ${step.title}`);
    await runStep(step);
  }
}

async function runStep(step: Step): Promise<void> {
  if (step.action.kind === "probe") {
    console.log(`  GET ${step.action.url}`);
    const problem = await waitUntilReady(step.action.url);
    if (problem !== null) throw new CommandFailure(`${step.title}: ${problem}`, step.onFailure);
    return;
  }
  const { args, newSecrets, quiet } = step.action;
  console.log(`  $ ${formatCommand(args)}`);
  const result = await withSecretsFile(newSecrets, (flags) =>
    runWrangler([...args, ...flags], { visible: !quiet }),
  );
  if (result.code === 0) return;
  console.error(result.stdout + result.stderr);
  throw new CommandFailure(`${step.title}: wrangler ended with code ${result.code}.`, step.onFailure);
}

/**
 * Makes new random secrets (256 bits each) in a file that only this user can read and that is gone
 * afterwards. They are uploaded with the version that needs them, and are not stored elsewhere.
 */
async function withSecretsFile(
  names: readonly string[],
  use: (flags: string[]) => Promise<ProcessResult>,
): Promise<ProcessResult> {
  if (names.length === 0) return use([]);
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-"));
  try {
    const file = path.join(folder, "secrets.json");
    const secrets = Object.fromEntries(names.map((name) => [name, randomBytes(32).toString("base64url")]));
    await writeFile(file, JSON.stringify(secrets), { mode: 0o600 });
    return await use(["--secrets-file", file]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function waitUntilReady(url: string): Promise<string | null> {
  const deadline = Date.now() + READY_WITHIN_MS;
  let problem = "";
  while (Date.now() < deadline) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch((error: unknown) =>
      error instanceof Error ? error : new Error(String(error)),
    );
    if (answer instanceof Error) problem = `no answer (${answer.message})`;
    else if (answer.ok) return null;
    else problem = `status ${answer.status}: ${(await answer.text()).slice(0, 500)}`;
    await wait(3_000);
  }
  return problem;
}
