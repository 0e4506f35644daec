import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Stream } from "node:stream";
import { type RunOptions, runNode, startNode } from "../../scripts/local/process.ts";
import { allowEverything } from "./person.ts";

/** Milliseconds after which a command that waits for its user is killed. */
const SIGN_IN_TIMEOUT_MS = 30_000;

/** A home folder for one command-line program, without an earlier sign-in; it is removed afterwards. */
export interface ProgramHome {
  folder: string;
  /** For the program's environment. No browser is opened: the test acts as the user. */
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
 * Runs a command that asks its user to open an authorization page, and acts as that user: follows the printed
 * address, allows everything, and returns to the port that the command listens on. Returns the standard
 * output of the command. Throws with its whole output when it fails.
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
 * Finds the address of an authorization page in the output of a running program, and completes it once.
 * Returns a function that rejects if that failed.
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
      // Handles the rejection, because a caller may await it later.
      answered.catch(() => {});
    });
  }
  return async () => {
    await answered;
  };
}

/** Allows everything, and opens the local address at which the program waits for the code. */
async function returnToProgram(authorizationUrl: URL): Promise<void> {
  const page = await fetch(await allowEverything(authorizationUrl));
  await page.body?.cancel();
  if (!page.ok) throw new Error(`The program answered its person with ${page.status}.`);
}

/**
 * Runs a command to its end and parses the JSON on its standard output. Throws with its output when it fails.
 */
export async function runForJson<Value>(
  script: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Value> {
  const { code, stdout, stderr } = await runNode(script, args, options);
  if (code !== 0) throw new Error(`It ended with ${code}: ${stderr}${stdout}`);
  return JSON.parse(stdout) as Value;
}
