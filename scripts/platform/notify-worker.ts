import { type EnvironmentName, readEnvironment } from "../local/project.ts";
import { findServer } from "../local/running-server.ts";
import type { Waiting } from "./requests.ts";

/** Milliseconds that a command waits for the Worker. */
const PATIENCE_MS = 10_000;

/** Milliseconds that the Worker has to process a request. */
const CARRY_OUT_MS = 60_000;

/** Changes in the database that the Worker should process at once, by the path of their webhook. */
export type Notice =
  | { path: "/people/changes"; body: { mark: string } }
  | { path: "/policy/changes"; body: { publication: number } };

/**
 * The Gatehouse to notify: that of an environment, locally the one on this storage; or the one at an address.
 */
export interface Addressee {
  environment: EnvironmentName;
  stateFolder?: string | undefined;
  url?: string | undefined;
}

/**
 * Result of a notice: `told`, the Worker processed it; `refused`, it answered that it did not; `silent`, it
 * did not answer; `not_running`, no server runs on this storage.
 */
export type Told = "told" | "refused" | "silent" | "not_running";

/**
 * Notifies the running Worker of a change in the platform database. Never notifies another Gatehouse:
 * locally, the storage itself notes the port of its server. A Worker that was not notified finds the change
 * by itself.
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

/**
 * Options for waiting for the Worker: prints to standard error, because standard output may be redirected to
 * a file.
 */
export function waitFor(addressee: Addressee, patienceMs: number): Waiting {
  const tell = (mark: string) =>
    notifyWorker(addressee, { path: "/people/changes", body: { mark } }, CARRY_OUT_MS);
  return { tell, patienceMs, say: (text) => console.error(text) };
}

/** The address of a Gatehouse for people and agents, running or not. */
export function addressOf({ environment, stateFolder, url }: Addressee): string {
  return url ?? findAddress(environment, stateFolder) ?? String(readEnvironment(environment).vars.PUBLIC_URL);
}

function findAddress(environment: EnvironmentName, stateFolder: string | undefined): string | null {
  if (environment === "local") return findServer(stateFolder);
  return String(readEnvironment(environment).vars.PUBLIC_URL);
}
