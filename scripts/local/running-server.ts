import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { isAlive } from "./lock.ts";
import { ROOT } from "./root.ts";

const NOTE = z.object({ processId: z.int().positive(), url: z.url() });

/** Where a server notes that it runs on this storage. */
function noteOf(stateFolder: string | undefined): string {
  return path.resolve(ROOT, stateFolder ?? ".wrangler/state", "gatehouse.json");
}

/** Notes in the storage under which address this process serves it. Returns what takes the note away. */
export function noteServer(stateFolder: string, url: string): () => void {
  const file = noteOf(stateFolder);
  writeFileSync(file, JSON.stringify({ processId: process.pid, url }));
  return () => rmSync(file, { force: true });
}

/** The address of the server that runs on this storage, whatever its port; `null` when none does. */
export function findServer(stateFolder: string | undefined): string | null {
  try {
    const { processId, url } = NOTE.parse(JSON.parse(readFileSync(noteOf(stateFolder), "utf8")));
    return isAlive(processId) ? url : null;
  } catch {
    return null;
  }
}
