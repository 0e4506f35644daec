import { type EnvironmentName, readEnvironment } from "../local/project.ts";

/** Milliseconds for which a command waits for the Worker. */
const PATIENCE_MS = 10_000;

/** What the database holds that the Worker should know at once, by the path where it takes such notices. */
export type Notice =
  | { path: "/people/changes"; body: { mark: string } }
  | { path: "/policy/changes"; body: { publication: number } };

/**
 * Tells the running Worker of a change in the platform database. `true` when it has acted on it; `false` when the Worker
 * cannot be reached: it then finds the change by itself within 30 seconds.
 */
export async function notifyWorker(
  environment: EnvironmentName,
  { path, body }: Notice,
  url = String(readEnvironment(environment).vars.PUBLIC_URL),
): Promise<boolean> {
  try {
    const response = await fetch(new URL(path, url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
