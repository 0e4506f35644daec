import readline from "node:readline/promises";
import { Writable } from "node:stream";
import { CommandFailure } from "../local/failure.ts";

/** Reads one line without showing it: from a terminal with a prompt, else from standard input. */
export async function readSecret(prompt: string): Promise<string> {
  const isTerminal = process.stdin.isTTY === true;
  if (isTerminal) process.stderr.write(prompt);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = readline.createInterface({ input: process.stdin, output: silent, terminal: isTerminal });
  try {
    for await (const text of reader) {
      if (isTerminal) process.stderr.write("\n");
      if (text !== "") return text;
      break;
    }
  } finally {
    reader.close();
  }
  throw new CommandFailure(
    "No password was given.",
    "Type it, or pipe it: printf '%s' \"$PASSWORD\" | npm run connections -- …",
  );
}
