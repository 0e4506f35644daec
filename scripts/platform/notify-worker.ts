import { type EnvironmentName, readEnvironment } from "../local/project.ts";
import { findServer } from "../local/running-server.ts";
import type { Waiting } from "./requests.ts";

/** Milliseconds for which a command waits for the Worker. */
const PATIENCE_MS = 10_000;

/** Milliseconds for which the Worker is given to carry a request out. */
const CARRY_OUT_MS = 60_000;

/** What the database holds that the Worker should know at once, by the path where it takes such notices. */
export type Notice =
  | { path: "/people/changes"; body: { mark: string } }
  | { path: "/policy/changes"; body: { publication: number } };

/** Which Gatehouse is told: that of an environment, locally the one that runs on this storage; or the one at an address. */
export interface Addressee {
  environment: EnvironmentName;
  stateFolder?: string | undefined;
  url?: string | undefined;
}

/**
 * What became of a notice: `told`, it has acted on it; `refused`, it answered that it did not; `silent`, no answer came;
 * `not_running`, no server runs on this storage.
 */
export type Told = "told" | "refused" | "silent" | "not_running";

/**
 * Tells the running Worker of a change in the platform database. Another Gatehouse is never told: locally the storage
 * itself says under which port it is served. A Worker that was not told finds the change by itself.
 */
export async function notifyWorker(
  { environment, stateFolder, url }: Addressee,
  { path, body }: Notice,
  patienceMs = PATIENCE_MS,
): Promise<Told> {
  const base = url ?? findAddress(environment, stateFolder);
  if (base === null) return "not_running";
  try {
    const response = await fetch(new URL(path, base), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(patienceMs),
    });
    await response.body?.cancel();
    return response.ok ? "told" : "refused";
  } catch {
    return "silent";
  }
}

/** How a command waits that asked the Worker for something: it says so on standard error, as its answer may go into a file. */
export function waitFor(addressee: Addressee, patienceMs: number): Waiting {
  const tell = (mark: string) =>
    notifyWorker(addressee, { path: "/people/changes", body: { mark } }, CARRY_OUT_MS);
  return { tell, patienceMs, say: (text) => console.error(text) };
}

function findAddress(environment: EnvironmentName, stateFolder: string | undefined): string | null {
  if (environment === "local") return findServer(stateFolder);
  return String(readEnvironment(environment).vars.PUBLIC_URL);
}
