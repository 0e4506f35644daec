import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { AuditEvent } from "../../shared/audit/record.ts";
import { Principal } from "../../workers/objects/principal/principal.ts";
import { listServers } from "../../workers/servers.ts";
import { awaitEvents, eventsOf, withTrail } from "../audit/trail.ts";
import { LANES, openSession } from "../support/session.ts";

const TOOLS = listServers().flatMap(({ tools }) => tools);

afterEach(() => vi.restoreAllMocks());

describe.each(LANES)("invariant 1: no tool runs before its intent is durable, on the %s lane", (lane) => {
  it("for any tool: when it begins, its intent is in the chain", async () => {
    const session = await openSession({ server: "", lane, as: `ida_${lane}` });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...TOOLS), async (tool) => {
        const seen: AuditEvent[] = [];
        vi.spyOn(tool, "run").mockImplementation(async () => {
          seen.push(...(await eventsOf(`user_ida_${lane}`)));
          return [];
        });
        const input = vi.spyOn(tool.input, "safeParse").mockReturnValue({ success: true, data: {} });
        // They read records that the empty arguments do not name.
        if (tool.needs) vi.spyOn(tool, "needs").mockResolvedValue([]);
        if (tool.check) vi.spyOn(tool, "check").mockResolvedValue();
        await session.request("tools/call", { name: tool.name, arguments: {} });
        input.mockRestore();
        vi.restoreAllMocks();
        expect(seen.at(-1)).toMatchObject({ type: "intent", name: tool.name });
      }),
      { numRuns: 6 },
    );
  });

  it("without a durable intent nothing runs, and the caller gets one of our errors", async () => {
    const session = await openSession({ server: "", lane, as: `ivo_${lane}` });
    vi.spyOn(Principal.prototype, "admit").mockRejectedValue(new Error("disk is full at /var/secret"));
    const runs = TOOLS.map((tool) => vi.spyOn(tool, "run"));
    for (const tool of TOOLS.slice(0, 4)) {
      const { isError, content } = await session.call(tool.name);
      expect(isError).toBe(true);
      expect(JSON.stringify(content)).not.toContain("disk");
    }
    expect(runs.filter((run) => run.mock.calls.length > 0)).toEqual([]);
  });

  it("a call whose end is lost is recorded as unknown, never omitted", async () => {
    const userId = `user_iris_${lane}`;
    const session = await openSession({ server: "crm", lane, as: `iris_${lane}` });
    vi.spyOn(Principal.prototype, "settle").mockRejectedValue(new Error("the object is gone"));
    expect((await session.call("crm_list_tasks")).isError).toBe(false);
    await awaitEvents(userId, 1);
    await withTrail(userId, (trail) => trail.closeOverdue(Date.now() + 11 * 60_000));
    expect(await eventsOf(userId)).toMatchObject([
      { type: "intent", name: "crm_list_tasks" },
      { type: "outcome", status: "unknown" },
    ]);
  });
});
