import { expect, it } from "vitest";
import type { ConnectionCaller, ConnectionRequest } from "../../shared/objects/connection-gate.ts";
import { Conversations } from "../../workers/objects/connections/conversation.ts";
import type { WaitingWrites } from "../../workers/objects/connections/waiting-writes.ts";

it("a call that goes on with a request cancels it, and is forgotten when it is over", async () => {
  const conversations = new Conversations(async () => {}, {} as WaitingWrites);
  const call = { traceId: "t", tokenId: "t", resumes: "the same call" };
  const requestOf = (id: string): ConnectionRequest => ({
    ...{
      id,
      operation: "tool",
      arguments: {},
      identity: {},
      timeoutMs: 1_000,
      repeatable: true,
      note: "",
      call,
    },
  });
  const { conversation } = conversations.open(requestOf("first"));
  const asked = Promise.withResolvers<void>();
  const caller = conversation.callerOf((waiting) => waiting);
  conversation.begin(
    asked.promise.then(async () => {
      const question = { method: "elicitation/create", params: {} } as const;
      return { ok: true, value: await caller.ask(question) };
    }),
  );
  const leaves = { ask: async () => ({ kind: "left", resumes: true }) } as unknown as ConnectionCaller;
  const left = conversation.attach(leaves);
  asked.resolve();
  expect(await left).toMatchObject({ ok: false });
  conversations.leave("first");

  const second = conversations.open(requestOf("second"));
  expect([second.isNew, conversations.firstId("second")]).toEqual([false, "first"]);
  const answers = { ask: async () => ({ kind: "answer", value: 1 }) } as unknown as ConnectionCaller;
  expect(await second.conversation.attach(answers)).toEqual({ ok: true, value: 1 });
  conversations.leave("second");
  expect(conversations.firstId("second")).toBe("second");
});
