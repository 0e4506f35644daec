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

it("a server asks its person 20 times in a call at most, and sends a bounded number of messages", async () => {
  const conversations = new Conversations(async () => {}, {} as WaitingWrites);
  const request = {
    ...{ id: "one", operation: "tool", arguments: {}, identity: {}, timeoutMs: 1_000 },
    ...{ repeatable: true, note: "" },
  };
  const { conversation } = conversations.open(request);
  const heard = { asked: 0, messages: 0, refused: [] as string[] };
  const client = {
    ask: async () => {
      heard.asked += 1;
      return { kind: "answer", value: 1 };
    },
    progress: async () => {
      heard.messages += 1;
    },
    log: async () => {
      heard.messages += 1;
    },
    refused: async (attempt: string) => void heard.refused.push(attempt),
  } as unknown as ConnectionCaller;
  const caller = conversation.callerOf((waiting) => waiting);
  const begun = Promise.withResolvers<void>();
  conversation.begin(
    begun.promise.then(async () => {
      for (let at = 0; at < 2_000; at += 1) {
        caller.progress(at, undefined, "on");
        caller.log("info", "on");
      }
      const question = { method: "elicitation/create", params: {} } as const;
      const answers = await Promise.allSettled(Array.from({ length: 50 }, () => caller.ask(question)));
      return { ok: true, value: answers.filter(({ status }) => status === "fulfilled").length };
    }),
  );
  const answered = conversation.attach(client);
  begun.resolve();
  expect(await answered).toEqual({ ok: true, value: 20 });
  expect(heard).toEqual({ asked: 20, messages: 500, refused: ["question"] });
});
