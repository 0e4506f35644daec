import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { CommandFailure } from "../local/failure.ts";
import { runWrangler } from "../local/process.ts";
import { formatCommand, type Step } from "./plan.ts";

/** How long a deployed Worker may take until it answers at its address. */
const READY_WITHIN_MS = 90_000;

/**
 * Runs steps in order. Throws a {@link CommandFailure} that tells the state of things at the first that
 * fails.
 */
export async function runSteps(steps: readonly Step[]): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-"));
  try {
    for (const [index, step] of steps.entries()) {
      console.log(`\n${index + 1}/${steps.length} ${step.title}`);
      await runStep(step, folder);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param folder - private to this deployment: its secrets, and wrangler's notes about the version */
async function runStep(step: Step, folder: string): Promise<void> {
  const notes = path.join(folder, "wrangler.ndjson");
  if (step.action.kind === "probe") {
    console.log(`  GET ${step.action.url}`);
    const problem = await waitUntilReady(step.action.url, await readVersion(notes));
    if (problem !== null) throw new CommandFailure(`${step.title}: ${problem}`, step.onFailure);
    return;
  }
  const { args, newSecrets, quiet } = step.action;
  console.log(`  $ ${formatCommand(args)}`);
  const flags = await writeSecrets(newSecrets, folder);
  const env = { WRANGLER_OUTPUT_FILE_PATH: notes };
  const result = await runWrangler([...args, ...flags], { visible: !quiet, env });
  if (result.code === 0) return;
  console.error(result.stdout + result.stderr);
  throw new CommandFailure(`${step.title}: wrangler ended with code ${result.code}.`, step.onFailure);
}

/**
 * Makes new random secrets (256 bits each) in a file that only this user can read and that is gone
 * afterwards. They are uploaded with the version that needs them, and are not stored elsewhere.
 */
async function writeSecrets(names: readonly string[], folder: string): Promise<string[]> {
  if (names.length === 0) return [];
  const file = path.join(folder, "secrets.json");
  const secrets = Object.fromEntries(names.map((name) => [name, randomBytes(32).toString("base64url")]));
  await writeFile(file, JSON.stringify(secrets), { mode: 0o600 });
  return ["--secrets-file", file];
}

/** Id of the version that wrangler uploaded last, or `null` if it noted none. */
async function readVersion(file: string): Promise<string | null> {
  const lines = (await readFile(file, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
  const notes = lines.map((line) => JSON.parse(line) as { type?: string; version_id?: string | null });
  return notes.findLast(({ type }) => type === "deploy")?.version_id ?? null;
}

/** Waits until the version answers as ready; returns the last problem at the deadline. `null` is any version. */
async function waitUntilReady(url: string, version: string | null): Promise<string | null> {
  const deadline = Date.now() + READY_WITHIN_MS;
  let problem = "";
  while (Date.now() < deadline) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch((error: unknown) =>
      error instanceof Error ? error : new Error(String(error)),
    );
    if (answer instanceof Error) problem = `no answer (${answer.message})`;
    else problem = findProblem(answer.status, await answer.text(), version);
    if (problem === "") return null;
    await wait(3_000);
  }
  return problem;
}

/** The problem of an answer of `/ready`; empty if there is none. */
function findProblem(status: number, text: string, version: string | null): string {
  const answering = /"version":\s*"([^"]*)"/.exec(text)?.[1];
  if (version !== null && answering !== undefined && answering !== version)
    return `another version still answers (${answering}); the one that was uploaded is ${version}.`;
  if (status !== 200) return `status ${status}: ${text.slice(0, 500)}`;
  if (version !== null && answering === undefined)
    return "a version from before versions were named still answers, or something else serves this address.";
  return "";
}
