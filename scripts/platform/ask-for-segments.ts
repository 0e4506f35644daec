import { CommandFailure } from "../local/failure.ts";

/** Milliseconds for an answer. */
const PATIENCE_MS = 120_000;

/** Asks a Worker for segments, by their digests. Throws {@link CommandFailure} if it does not answer. */
export async function askForSegments(
  base: string,
  ticket: string,
  digests: readonly string[],
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const response = await fetch(new URL("/trail/segments", base), {
    method: "POST",
    headers: { authorization: `Bearer ${ticket}`, "content-type": "application/json" },
    body: JSON.stringify({ digests }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).catch((cause: unknown) => {
    throw new CommandFailure(`Gatehouse does not answer at ${base}.`, "See: npm run deploy", cause);
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new CommandFailure(
      `Gatehouse at ${base} did not give the trail's segments (status ${response.status}).`,
      "Deploy the release of this folder first.",
    );
  }
  const found = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const line of (await response.text()).split("\n").filter(Boolean)) {
    const { digest, data } = JSON.parse(line) as { digest: string; data: string };
    found.set(digest, new Uint8Array(Buffer.from(data, "base64")));
  }
  return found;
}
