import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { z } from "zod";
import { InputNeeded } from "../../shared/call/input-needed.ts";
import { callTool } from "../../shared/guard/call-tool.ts";
import type { RequestContext } from "../../shared/guard/request-context.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { createCatalogue } from "../../shared/server/catalogue.ts";
import { defineServer, defineTool, type ToolContext } from "../../shared/server/define.ts";
import { emptyContext } from "../../shared/session/context.ts";
import { eventsOf } from "../audit/trail.ts";
import { decideAs, findApproval } from "../support/approvals.ts";
import { setApprovals } from "../support/policy.ts";
import { addPerson } from "../support/token.ts";

/** Asks before it does anything, as tools must. */
const merge = defineTool({
  name: "crm_merge_contacts",
  title: "Merge contacts",
  description: "Merges.",
  effect: "update",
  scope: "crm:write",
  input: z.object({}),
  output: z.object({ merged: z.boolean() }),
  async run(_input, { ask }: ToolContext) {
    const answer = await ask({ message: "Sure?", schema: z.object({ sure: z.boolean() }) });
    return { merged: answer.action === "accept" };
  },
});

const server = defineServer({
  ...{ name: "crm", title: "CRM", description: "For a test.", instructions: "", baseline: "crm:write" },
  scopes: { "crm:write": "Changes." },
  defaults: z.object({}),
  store: () => null,
  tools: [merge],
  resources: [],
  prompts: [],
});

/** One run of the call on the stateless lane; `answered` says whether the tool's question has its answer. */
async function enter(userId: string, answered: boolean) {
  const settled: Promise<unknown>[] = [];
  const question = new InputNeeded([{ key: "q1", method: "elicitation/create", params: {}, digest: "" }], []);
  // A step of the guard that learns more about a request gives the next step another one.
  const ctx = Object.freeze<RequestContext>({
    env,
    catalogue: createCatalogue("crm", "CRM", [server]),
    identity: {
      ...{
        userId,
        email: "una@people.example",
        name: "Una",
        clientId: "client",
        grantId: "grant",
        tokenId: "token",
      },
      ...{ scopes: ["crm:write"], role: "sales", ip: null, country: null, mfaAt: null },
    },
    policy: bundledPolicy(),
    lane: "stateless",
    sessionId: null,
    traceId: "0".repeat(31).concat("1"),
    session: {
      read: async () => emptyContext(),
      apply: async () => {},
      keepResult: async () => {},
      readResult: async () => null,
    },
    channel: {
      progress: () => {},
      release: () => {},
      ...{ abilities: {}, tasks: false },
      log: () => {},
      ask: () =>
        answered ? Promise.resolve({ action: "accept", content: {} } as never) : Promise.reject(question),
      relay: async () => null,
      sample: async () => "",
      elicits: { form: true, url: false },
      showsViews: false,
      visit: async () => "cancel",
      endVisit: () => {},
    },
    signal: new AbortController().signal,
    waitUntil: (promise) => void settled.push(promise),
    endAccess: () => {},
    retryAfter: () => {},
  });
  const result = await callTool(ctx, merge.name, {}).then(
    ({ answer }) => answer,
    (failure: unknown) => failure,
  );
  await Promise.all(settled);
  return result;
}

it("a tool that stops to ask keeps its approval until it has run, and no longer", async () => {
  const userId = await addPerson({ name: "una", role: "sales" });
  setApprovals("sales", [{ name: "look", tools: [merge.name], message: "A person looks." }]);
  expect(JSON.stringify(await enter(userId, true))).toContain("approval_required");
  await decideAs("user_boss", await findApproval(userId));
  expect(await enter(userId, false)).toBeInstanceOf(InputNeeded);
  expect(await enter(userId, true)).toMatchObject({ structuredContent: { merged: true } });
  expect(JSON.stringify(await enter(userId, true))).toContain("approval_required");
  const steps = (await eventsOf(userId)).filter(({ type }) => /^approval_(executed|returned)$/.test(type));
  expect(steps).toMatchObject([
    { type: "approval_executed" },
    { type: "approval_returned", status: "input_required" },
    { type: "approval_executed" },
    { type: "approval_returned", status: "ok" },
  ]);
});
