import { fetchOutside } from "../../../shared/upstream/outside-fetch.ts";

/** Milliseconds that a target has for its answer. */
const TIMEOUT_MS = 10_000;

/** Sends a request to a public address over https, without following redirects. Throws unless the answer is 2xx. */
export async function sendAlert(request: Request): Promise<void> {
  const answer = await fetchOutside(request, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`The target answered ${answer.status}.`);
}
