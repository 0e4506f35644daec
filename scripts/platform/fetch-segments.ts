import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { type EnvironmentName, readEnvironment } from "../local/project.ts";
import { askForSegments } from "./ask-for-segments.ts";

/** Milliseconds for which a ticket is valid. */
const TICKET_MS = 60_000;

type Fetch = (digests: readonly string[]) => Promise<(Uint8Array<ArrayBuffer> | null)[]>;

/** Folders with fetched segments; a command removes them at its end. */
const folders = new Set<Promise<string>>();

/** Removes what {@link fetchThere} kept on this machine. */
export async function forgetSegments(): Promise<void> {
  for (const folder of folders) await rm(await folder, { recursive: true, force: true });
  folders.clear();
}

/**
 * Reads segments of a deployed Gatehouse through its Worker, each once: a reader comes to the same segment for every chain
 * in it. A ticket in the platform database shows that the command may write there. Events in a segment are encrypted.
 */
export function fetchThere(environment: EnvironmentName, execute: (sql: string) => Promise<unknown>): Fetch {
  let folder: Promise<string> | undefined;
  return async (digests) => {
    folder ??= mkdtemp(path.join(os.tmpdir(), "gatehouse-trail-"));
    folders.add(folder);
    const place = await folder;
    const kept = await Promise.all(digests.map((digest) => readKept(path.join(place, digest))));
    const missing = digests.filter((_digest, index) => kept[index] === null);
    if (missing.length === 0) return kept;
    const ticket = randomBytes(32).toString("hex");
    await execute(
      `INSERT INTO connection_ticket (digest, expires_at) VALUES ('${digestText(ticket)}', ${Date.now() + TICKET_MS});`,
    );
    const fetched = await askForSegments(
      String(readEnvironment(environment).vars.PUBLIC_URL),
      ticket,
      missing,
    );
    await Promise.all(
      [...fetched].map(([digest, bytes]) => writeFile(path.join(place, digest), bytes, { mode: 0o600 })),
    );
    return digests.map((digest, index) => kept[index] ?? fetched.get(digest) ?? null);
  };
}

async function readKept(file: string): Promise<Uint8Array<ArrayBuffer> | null> {
  return await readFile(file).then(
    (bytes) => new Uint8Array(bytes),
    () => null,
  );
}
