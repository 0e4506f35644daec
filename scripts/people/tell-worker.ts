import { type EnvironmentName, readEnvironment } from "../local/project.ts";

/** Milliseconds for which a command waits for the Worker to say that a change is in force. */
const PATIENCE_MS = 10_000;

/**
 * Tells the running Worker that the database holds a change of a person under this mark. `true` when it is in force;
 * `false` when the Worker cannot be reached: it then finds the change by itself within 30 seconds.
 */
export async function tellWorker(
  environment: EnvironmentName,
  mark: string,
  url = String(readEnvironment(environment).vars.PUBLIC_URL),
): Promise<boolean> {
  try {
    const response = await fetch(new URL("/people/changes", url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ mark }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
