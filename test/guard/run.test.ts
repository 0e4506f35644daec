import { describe, expect, it } from "vitest";
import { runBounded } from "../../shared/guard/run.ts";

const never = () => new Promise<never>(() => {});

describe("running a call", () => {
  it("gives back what the work gives back", async () => {
    expect(await runBounded(new AbortController().signal, 1_000, async () => 7)).toBe(7);
  });

  it("stops at the deadline, aborts the work's signal and says how long it waited", async () => {
    let seen: AbortSignal | undefined;
    const run = runBounded(new AbortController().signal, 20, (signal) => {
      seen = signal;
      return never();
    });
    await expect(run).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("0.02 seconds"),
    });
    expect(seen?.aborted).toBe(true);
  });

  it("stops when the client cancels, also when it did so before the start", async () => {
    const client = new AbortController();
    const run = runBounded(client.signal, 60_000, never);
    client.abort();
    await expect(run).rejects.toMatchObject({ code: "cancelled" });
    await expect(runBounded(client.signal, 60_000, never)).rejects.toMatchObject({ code: "cancelled" });
  });
});
