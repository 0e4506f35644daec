import { Readable } from "node:stream";
import { format } from "node:util";
import { vi } from "vitest";
import type { Script } from "../../scripts/local/command-line.ts";
import { carryOut } from "../../scripts/platform/run-command.ts";

/** What a command printed, on standard output and then on the error output, and its exit code. */
export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
  output: string;
}

let last: Promise<unknown> = Promise.resolve();

/**
 * Runs a command in the process of the test, with the entry that `npm run <script>` has: a process of its own loads
 * Wrangler, which takes most of a command's time. Commands run one after the other, because the output, the standard
 * input and the exit code belong to the process. What is about the process itself is tested with a process.
 *
 * @param stdin - what the command can read; by default nothing
 */
export function runCommand(script: Script, args: readonly string[], stdin = ""): Promise<CommandResult> {
  const result = last.then(() => runAlone(script, args, stdin));
  last = result.catch(() => undefined);
  return result;
}

async function runAlone(script: Script, args: readonly string[], stdin: string): Promise<CommandResult> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const lineOf =
    (printed: string[]) =>
    (...values: unknown[]) =>
      void printed.push(`${format(...values)}\n`);
  const partOf = (printed: string[]) => (part: string | Uint8Array) => {
    printed.push(typeof part === "string" ? part : Buffer.from(part).toString());
    return true;
  };
  const spies = [
    ...(["log", "info", "debug"] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation(lineOf(stdout)),
    ),
    ...(["warn", "error"] as const).map((name) => vi.spyOn(console, name).mockImplementation(lineOf(stderr))),
    vi.spyOn(process.stdout, "write").mockImplementation(partOf(stdout)),
    vi.spyOn(process.stderr, "write").mockImplementation(partOf(stderr)),
    vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from([stdin]) as typeof process.stdin),
  ];
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await carryOut(script, args);
    const texts = { stdout: stdout.join(""), stderr: stderr.join("") };
    return { code: Number(process.exitCode ?? 0), ...texts, output: texts.stdout + texts.stderr };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}
