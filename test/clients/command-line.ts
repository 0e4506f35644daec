import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Stream } from "node:stream";
import { type RunOptions, runNode, startNode } from "../../scripts/local/process.ts";
import { allowEverything } from "./person.ts";

/** Milliseconds after which a command that still waits for its person is ended. */
const SIGN_IN_TIMEOUT_MS = 30_000;

/** A home folder for one command-line program: no earlier sign-in, and none that stays. */
export interface ProgramHome {
  folder: string;
  /** For the program's environment. Where a browser would be opened, nothing is: the test is the person. */
  env: Record<string, string>;
  remove(): Promise<void>;
}

/** Makes an empty home folder. */
export async function makeHome(): Promise<ProgramHome> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-client-"));
  return {
    folder,
    env: { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder, DISPLAY: "", BROWSER: "true" },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/**
 * Runs a command that asks its person to open an authorization page, and is that person: follows the address that it
 * prints, allows everything, and comes back to the port that the command listens on. Returns what it printed on its
 * standard output. Throws with everything it said when it fails.
 */
export async function runAndSignIn(
  script: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const child = startNode(script, args, options);
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (part: string) => {
    stdout += part;
  });
  child.stderr?.setEncoding("utf8").on("data", (part: string) => {
    stderr += part;
  });
  const person = answerAuthorization(child.stdout, child.stderr);
  const patience = setTimeout(() => child.kill(), SIGN_IN_TIMEOUT_MS);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(patience);
  await person();
  if (code !== 0) throw new Error(`It ended with ${code}: ${stderr}${stdout}`);
  return stdout;
}

/**
 * Looks for the address of an authorization page in what a running program prints, and answers it once. Returns a
 * function that rejects when the person could not.
 */
export function answerAuthorization(...outputs: (Stream | null)[]): () => Promise<void> {
  let heard = "";
  let answered: Promise<void> | undefined;
  for (const output of outputs) {
    output?.on("data", (part: string | Buffer) => {
      heard += String(part);
      const [address] = /https?:\/\/[^\s"']+\/authorize\?[^\s"']+(?=[\s"'])/.exec(heard) ?? [];
      if (address === undefined || answered !== undefined) return;
      answered = returnToProgram(new URL(address));
      // Whoever waits for the person hears of it; nobody may be waiting yet.
      answered.catch(() => {});
    });
  }
  return async () => {
    await answered;
  };
}

/** Allows everything, and opens the address on this machine where the program waits for the code. */
async function returnToProgram(authorizationUrl: URL): Promise<void> {
  const page = await fetch(await allowEverything(authorizationUrl));
  await page.body?.cancel();
  if (!page.ok) throw new Error(`The program answered its person with ${page.status}.`);
}

/** Runs a command to its end and parses the JSON on its standard output. Throws with what it said when it fails. */
export async function runForJson<Value>(
  script: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Value> {
  const { code, stdout, stderr } = await runNode(script, args, options);
  if (code !== 0) throw new Error(`It ended with ${code}: ${stderr}${stdout}`);
  return JSON.parse(stdout) as Value;
}
