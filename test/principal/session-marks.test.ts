import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { ReadLabel } from "../../shared/call/flow-labels.ts";
import { SessionMarks } from "../../workers/objects/principal/session-marks.ts";

let objects = 0;

describe("the memory of a session", () => {
  const HOUR = 60 * 60_000;
  const rules = { rememberedMs: HOUR, session: "app" as const };
  const call = (name: string, reads: ReadLabel[], more: object = {}) => ({
    ...{ clientId: "app", name, reads, recalls: false, ...rules, ...more },
  });

  /** Marks in the storage of an object of their own. */
  async function withMarks(check: (open: () => SessionMarks) => void): Promise<void> {
    const stub = env.PRINCIPAL.get(env.PRINCIPAL.idFromName(`marks_${objects++}`));
    await runInDurableObject(stub, (_object, { storage }) => check(() => new SessionMarks(storage.sql)));
  }

  it("gives what was met before a call, and outlives the object", async () => {
    await withMarks((open) => {
      const marks = open();
      expect(marks.meet(call("crm_a", ["private"]), 0)).toEqual([]);
      expect(marks.meet(call("search", ["untrusted"]), 1)).toEqual([{ label: "private", names: ["crm_a"] }]);
      expect(open().read("app", rules, 2)).toEqual([
        { label: "private", names: ["crm_a"] },
        { label: "untrusted", names: ["search"] },
      ]);
      expect(open().read("other", rules, 2)).toEqual([]);
    });
  });

  it("ends a while after the last call that met it, and never before the policy's time", async () => {
    await withMarks((open) => {
      const marks = open();
      marks.meet(call("a", ["private"]), 0);
      marks.meet(call("a", ["private"]), 9 * 60_000);
      expect(open().read("app", rules, 9 * 60_000 + HOUR - 1)).toHaveLength(1);
      expect(open().read("app", rules, 3 * HOUR)).toEqual([]);
    });
  });

  it("begins again when a call gives what earlier calls kept, however late", async () => {
    await withMarks((open) => {
      const marks = open();
      marks.meet(call("a", ["private"]), 0);
      marks.meet(call("context_get", [], { recalls: true }), 100 * HOUR);
      expect(marks.read("app", rules, 100 * HOUR + 1)).toHaveLength(1);
    });
  });

  it("keeps the newest names of each label, and the label itself", async () => {
    await withMarks((open) => {
      const marks = open();
      for (let at = 0; at < 50; at += 1) marks.meet(call(`tool_${at}`, ["private"]), at);
      expect(open().read("app", rules, 50)[0]?.names).toHaveLength(20);
      expect(open().read("app", rules, 50)[0]?.names.at(-1)).toBe("tool_49");
    });
  });

  it("keeps what was read, however many other calls wait for their approval and are taken back", async () => {
    await withMarks((open) => {
      const marks = open();
      marks.meet(call("read", ["private"], { callId: "read" }), 0);
      marks.end("read", "ok");
      const waiting = Array.from({ length: 25 }, (_, at) => `waits_${at}`);
      for (const [at, callId] of waiting.entries()) marks.meet(call(callId, ["private"], { callId }), at + 1);
      for (const callId of waiting) marks.end(callId, "approval_required");
      const left = [{ label: "private", names: ["read"] }];
      expect(marks.read("app", rules, 30)).toEqual(left);
      expect(open().read("app", rules, 30)).toEqual(left);
      for (const [at, callId] of waiting.entries())
        marks.meet(call(callId, ["private"], { callId }), at + 31);
      for (const callId of waiting) marks.end(callId, "ok");
      expect(open().read("app", rules, 60)[0]?.names, "what ran is bounded").toHaveLength(20);
    });
  });

  it("forgets what a call would have read that waits for its approval, and only that", async () => {
    await withMarks((open) => {
      const marks = open();
      marks.meet(call("a", ["private"], { callId: "1" }), 0);
      marks.end("1", "approval_required");
      expect(open().read("app", rules, 1)).toEqual([]);
      marks.meet(call("a", ["private"], { callId: "2" }), 2);
      marks.meet(call("a", ["private"], { callId: "3" }), 3);
      marks.end("2", "approval_required");
      expect(open().read("app", rules, 4), "another call has read it").toHaveLength(1);
      marks.end("3", "ok");
      expect(open().read("app", rules, 4)).toHaveLength(1);
    });
  });
});
