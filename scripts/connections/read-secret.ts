import readline from "node:readline/promises";
import { Writable } from "node:stream";
import { CommandFailure } from "../local/failure.ts";

/** Most characters of a secret; the Worker takes no longer one. */
const LONGEST = 16_384;

/** Reads a secret without showing it: from a terminal with a prompt, else from standard input. */
export async function readSecret(prompt: string): Promise<string> {
  const isTerminal = process.stdin.isTTY === true;
  if (isTerminal) process.stderr.write(prompt);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = readline.createInterface({ input: process.stdin, output: silent, terminal: isTerminal });
  try {
    const secret = await takeSecret(reader);
    if (isTerminal) process.stderr.write("\n");
    if (secret.length > LONGEST)
      throw new CommandFailure(
        `A password has at most ${LONGEST} characters; this one has ${secret.length}.`,
        "Check what is piped in. Nothing was changed.",
      );
    if (secret !== "") return secret;
  } finally {
    reader.close();
  }
  throw new CommandFailure(
    "No password was given.",
    "Type it, or pipe it: printf '%s' \"$PASSWORD\" | npm run connections -- …",
  );
}

/** The first line; all lines of a private key (PEM) and of a vendor's key file (JSON), which are one secret. */
export async function takeSecret(lines: AsyncIterable<string>): Promise<string> {
  const taken: string[] = [];
  for await (const line of lines) {
    taken.push(line);
    if (isWhole(taken.join("\n"))) break;
  }
  return taken.join("\n");
}

function isWhole(text: string): boolean {
  if (text.startsWith("-----BEGIN ")) return /^-----END .*-----\s*$/m.test(text);
  if (!text.startsWith("{")) return true;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
