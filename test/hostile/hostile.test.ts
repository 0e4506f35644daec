import { exports } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findFault } from "../../scripts/bench/hostile/find-fault.ts";
import { type HostileInput, hostileInput, keepsListening } from "../../scripts/bench/hostile/inputs.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";

/** Inputs per lane; `npm run bench -- hostile` tries many thousand with other seeds. */
const INPUTS = 150;
const SEED = 20260728;

/** Milliseconds within which every request must be answered. */
const DEADLINE_MS = 25_000;

const CANARY = "canary-7f3a91-of-alice";

describe.each(LANES)("a hostile client on the %s lane", (lane) => {
  it(
    "gets one of our own errors within the deadline, and no data of other users",
    async () => {
      const alice = await openSession({ server: "", lane });
      await alice.call("context_set", { note: CANARY });
      const mallory = await openSession({ server: "", lane, as: "mallory" });
      const faults: string[] = [];
      for (const input of fc.sample(hostileInput(lane), { numRuns: INPUTS, seed: SEED })) {
        const fault = await judge(input, mallory, alice);
        if (fault !== null) faults.push(`${fault} for ${JSON.stringify(input).slice(0, 600)}`);
      }
      expect(faults.join("\n")).toBe("");
      // Still stored, still hers, still working.
      const { data } = await alice.call("context_get");
      expect(JSON.stringify(data)).toContain(CANARY);
      const survivor = await openSession({ server: "", lane, token: mallory.token });
      expect((await survivor.listTools()).length).toBeGreaterThan(10);
    },
    INPUTS * 1_000,
  );
});

async function judge(input: HostileInput, own: TestSession, stranger: TestSession): Promise<string | null> {
  const sessions: Record<HostileInput["session"], string | undefined> = {
    own: own.sessionId,
    stranger: stranger.sessionId,
    forged: `${"0".repeat(32)}.${"A".repeat(43)}`,
    none: undefined,
  };
  const sessionId = sessions[input.session];
  const headers: Record<string, string> = {
    host: new URL(own.url).host,
    authorization: `Bearer ${own.token.accessToken}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    ...(sessionId !== undefined && { "mcp-session-id": sessionId }),
    ...input.headers,
  };
  const kept = Object.entries(headers).filter(([, value]) => value !== "");
  const signal = AbortSignal.timeout(DEADLINE_MS);
  try {
    const response = await exports.default.fetch(own.url, {
      method: input.verb,
      headers: kept,
      ...(input.body !== null && { body: input.body }),
      signal,
    });
    const contentType = response.headers.get("content-type") ?? "";
    const listening = keepsListening(input) && contentType.includes("text/event-stream");
    if (listening) await response.body?.cancel();
    const text = listening ? "" : await response.text();
    return findFault({ status: response.status, contentType, text }, CANARY);
  } catch (failure) {
    return signal.aborted ? "no answer within the deadline" : `failed: ${String(failure)}`;
  }
}
