import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { isAlive } from "./lock.ts";
import { ROOT } from "./root.ts";

const NOTE = z.object({ processId: z.int().positive(), url: z.url() });

/** File in which a server notes its address. */
function noteOf(stateFolder: string | undefined): string {
  return path.resolve(ROOT, stateFolder ?? ".wrangler/state", "gatehouse.json");
}

/**
 * Notes in the storage the address at which this process serves it. Returns a function that removes the note.
 */
export function noteServer(stateFolder: string, url: string): () => void {
  const file = noteOf(stateFolder);
  writeFileSync(file, JSON.stringify({ processId: process.pid, url }));
  return () => rmSync(file, { force: true });
}

/** The address of the server on this storage, on any port; `null` when none runs. */
export function findServer(stateFolder: string | undefined): string | null {
  try {
    const { processId, url } = NOTE.parse(JSON.parse(readFileSync(noteOf(stateFolder), "utf8")));
    return isAlive(processId) ? url : null;
  } catch {
    return null;
  }
}
