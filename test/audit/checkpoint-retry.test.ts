import { createExecutionContext, createScheduledController, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import worker from "../../workers/index.ts";

const HOUR_MS = 60 * 60_000;

const [HOURLY, OFTEN] = ["17 * * * *", "*/5 * * * *"];

async function run(cron: string, on: Env = env): Promise<void> {
  const ctx = createExecutionContext();
  await worker.scheduled?.(createScheduledController({ cron }), on, ctx);
  await waitOnExecutionContext(ctx);
}

const down = {
  ...env,
  PLATFORM_DB: {
    prepare: () => {
      throw new Error("D1_ERROR: the database is down");
    },
  } as unknown as D1Database,
};

const checkpoints = async () =>
  (await env.PLATFORM_DB.prepare("SELECT count(*) AS n FROM audit_checkpoint").first<{ n: number }>())?.n;

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("an hourly run during an outage of the database", () => {
  it("logs the checkpoint and each part of the maintenance as errors", async () => {
    const lines = vi.spyOn(console, "error").mockImplementation(() => {});
    await run(HOURLY, down);
    const events = lines.mock.calls.map(
      ([line]) => JSON.parse(String(line)) as { event: string; work?: string },
    );
    expect(events.map(({ event }) => event)).toContain("audit_checkpoint_failed");
    expect(events.map(({ event }) => event)).toContain("admin_requests_failed");
    expect(events.map(({ event }) => event)).toContain("maintenance");
    expect(events.map(({ work }) => work)).toEqual(expect.arrayContaining(["sessions", "keys", "records"]));
  });

  it("is followed by a checkpoint within minutes, and not by one more every five minutes", async () => {
    await run(HOURLY);
    const before = await checkpoints();
    await run(OFTEN);
    expect(await checkpoints()).toBe(before);
    vi.setSystemTime(Date.now() + HOUR_MS + 6 * 60_000);
    vi.spyOn(console, "error").mockImplementation(() => {});
    await run(HOURLY, down);
    await run(OFTEN, down);
    expect(await checkpoints()).toBe(before);
    await run(OFTEN);
    expect(await checkpoints()).toBe((before ?? 0) + 1);
  });
});
