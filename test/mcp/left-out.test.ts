import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { ToolError } from "../../shared/call/tool-error.ts";
import type { ToolContext, ToolDefinition } from "../../shared/server/define.ts";
import { listServers } from "../../workers/servers.ts";
import { awaitEvents } from "../audit/trail.ts";
import { addCompany, addContact, addDeal } from "../crm/rows.ts";
import { replaceRole } from "../invariants/random-policy.ts";
import { LANES, openSession } from "../support/session.ts";

const ROLE = "editor";
const COMPANY = "crm://companies/cmp_left";

let people = 0;
const nextPerson = () => `left${people++}`;

beforeAll(async () => {
  await addCompany("cmp_left", "Left Works", { last_activity_at: "2026-10-01T00:00:00.000Z" });
  await addContact("con_left", "Lena Left", { company_id: "cmp_left" });
  await addDeal("deal_left", "cmp_left", { name: "Left deal" });
});

beforeEach(() => void replaceRole(ROLE, {}));

const fresh = (about: { resources?: string[]; tools?: string[]; prompts?: string[] }) => ({
  conditions: [{ name: "fresh", ...about, require: { mfa_max_age: 30 }, message: "Money moves." }],
});

function definitionOf(name: string) {
  const found = listServers()
    .flatMap(({ resources }) => resources)
    .find((resource) => resource.name === name);
  if (found === undefined) throw new Error(`There is no resource ${name}.`);
  return found;
}

describe.each(LANES)("a list, on the %s lane", (lane) => {
  const open = (server = "crm", as = nextPerson()) => openSession({ server, lane, as, role: ROLE });
  const uris = async (session: Awaited<ReturnType<typeof open>>): Promise<string[]> =>
    (await session.listResources()).map(({ uri }: { uri: string }) => uri);

  it.each<[string, Parameters<typeof replaceRole>[1]]>([
    ["a second factor that was not given", fresh({ resources: ["crm_company"] })],
    [
      "another country",
      {
        conditions: [
          { name: "home", resources: ["crm_company"], require: { countries: ["FR"] }, message: "At home." },
        ],
      },
    ],
    ["a denied resource", { denied_resources: ["crm_company"] }],
  ])("omits entries that are refused for want of %s, and keeps the rest", async (_why, parts) => {
    const session = await open();
    expect(await uris(session)).toEqual(expect.arrayContaining([COMPANY, "crm://deals/deal_left"]));
    replaceRole(ROLE, parts);
    const left = await uris(session);
    expect(left).not.toContain(COMPANY);
    expect(left).toEqual(expect.arrayContaining(["crm://pipeline", "crm://deals/deal_left"]));
  });

  it("omits a single resource that requires a second factor", async () => {
    const session = await open();
    replaceRole(ROLE, fresh({ resources: ["crm_pipeline"] }));
    const left = await uris(session);
    expect(left).not.toContain("crm://pipeline");
    expect(left).toContain(COMPANY);
  });

  it("of a role that requires a second factor for everything is answered", async () => {
    const session = await open("");
    replaceRole(ROLE, { mfa: "required" });
    expect(await uris(session)).toEqual([]);
    expect((await session.listTools()).length).toBeGreaterThan(0);
    for (const method of ["prompts/list", "resources/templates/list"]) {
      expect((await session.request(method)).error, method).toBeUndefined();
    }
  });

  it.each([
    ["our own error", () => new ToolError("unavailable", "The other system is away.")],
    ["an unknown one", () => new TypeError("broken")],
  ])("omits a family whose lister fails with %s, and logs it", async (_what, make) => {
    const lines: string[] = [];
    const spies = (["warn", "error"] as const).map((level) =>
      vi.spyOn(console, level).mockImplementation((...parts: unknown[]) => void lines.push(parts.join(" "))),
    );
    const lister = vi.spyOn(definitionOf("crm_company"), "list").mockImplementation(() => {
      throw make();
    });
    const session = await open();
    const left = await uris(session);
    for (const spy of [lister, ...spies]) spy.mockRestore();
    expect(left).not.toContain(COMPANY);
    expect(left).toEqual(expect.arrayContaining(["crm://pipeline", "crm://deals/deal_left"]));
    expect(lines.some((line) => line.includes("members_left_out") && line.includes("crm_company"))).toBe(
      true,
    );
  });

  it("of suggestions is empty for want of a second factor and when the completer fails, and refused for a hidden prompt", async () => {
    const session = await open();
    const reference = { type: "ref/resource", uri: "crm://companies/{id}" };
    const argument = { name: "id", value: "Left" };
    expect((await session.complete(reference, argument)).values).toContain("cmp_left");
    replaceRole(ROLE, fresh({ resources: ["crm_company"] }));
    expect((await session.complete(reference, argument)).values).toEqual([]);
    replaceRole(ROLE, {});
    const completers = definitionOf("crm_company").complete as Record<string, () => Promise<string[]>>;
    const completer = vi.spyOn(completers, "id").mockRejectedValue(new TypeError("broken"));
    expect((await session.complete(reference, argument)).values).toEqual([]);
    completer.mockRestore();
    replaceRole(ROLE, { denied_resources: ["crm_company"] });
    const { error } = await session.request("completion/complete", { ref: reference, argument });
    expect(JSON.stringify(error)).toContain("forbidden");
  });
});

describe.each(LANES)("a resource inside of another answer, on the %s lane", (lane) => {
  const open = (as = nextPerson()) => openSession({ server: "crm", lane, as, role: ROLE });
  const embedded = (answer: unknown) => JSON.stringify(answer).includes("Lena Left");

  it.each<[string, Parameters<typeof replaceRole>[1]]>([
    ["denied", { denied_resources: ["crm_company"] }],
    ["not allowed", { allowed_resources: ["crm_deal"] }],
    ["behind a second factor", fresh({ resources: ["crm_company"] })],
  ])("is omitted from a prompt when it is %s, and the refusal is recorded", async (_how, parts) => {
    const person = nextPerson();
    const [session, colleague] = [await open(person), await openSession({ server: "crm", lane })];
    expect(embedded(await session.getPrompt("crm_prepare_meeting", { customer: "cmp_left" }))).toBe(true);
    replaceRole(ROLE, parts);
    for (const name of ["crm_prepare_meeting", "crm_review_account"]) {
      const { messages } = await session.getPrompt(name, { customer: "cmp_left" });
      expect(embedded(messages), name).toBe(false);
      expect(messages.at(-1).content).toEqual({
        type: "text",
        text: expect.stringContaining("A resource was left out here"),
      });
      expect(embedded(await colleague.getPrompt(name, { customer: "cmp_left" })), name).toBe(true);
    }
    const events = await awaitEvents(`user_${person}`, 8);
    const denials = events.filter((event) => event.type === "denial" && event.name === "crm_company");
    expect(denials).toHaveLength(2);
  });

  it("is not linked from a tool's answer either", async () => {
    const session = await open();
    const links = async () =>
      (await session.call("crm_export_csv", { record: "contact" })).content.filter(
        ({ type }) => type === "resource_link",
      );
    expect(await links()).toHaveLength(1);
    replaceRole(ROLE, { denied_resources: ["crm_export"] });
    expect(await links()).toEqual([]);
  });
});

describe.each(LANES)("what comes stale from a cache, on the %s lane", (lane) => {
  const open = () => openSession({ server: "crm", lane, as: nextPerson(), role: ROLE });
  const stale = { readAt: 0, stale: true };
  const sentence = expect.stringMatching(/^This answer is stale: /);

  /** Lets a definition say that it reads from a cache. */
  function readStale(definition: object, method: "run" | "read") {
    const own = definition as Record<string, (asked: unknown, context: ToolContext) => Promise<unknown>>;
    const original = own[method]?.bind(definition);
    return vi.spyOn(own, method).mockImplementation(async (asked, context) => {
      context.fromCache(stale);
      return await original?.(asked, context);
    });
  }

  it("is said behind the contents of a resource and behind the messages of a prompt", async () => {
    const session = await open();
    const prompt = listServers()
      .flatMap(({ prompts }) => prompts)
      .find(({ name }) => name === "crm_review_account");
    const spies = [readStale(definitionOf("crm_pipeline"), "read"), readStale(prompt as object, "run")];
    const contents = await session.readResource("crm://pipeline");
    const { messages } = await session.getPrompt("crm_review_account", { customer: "cmp_left" });
    for (const spy of spies) spy.mockRestore();
    expect(contents.at(-1)).toEqual({ uri: "crm://pipeline", mimeType: "text/plain", text: sentence });
    expect(messages.at(-1)).toEqual({ role: "user", content: { type: "text", text: sentence } });
    expect(JSON.stringify(await session.readResource("crm://pipeline"))).not.toContain("is stale");
  });

  it("is said in the answer of a tool that calls the tool which read it", async () => {
    const session = await open();
    const tools = listServers().flatMap((server) => server.tools);
    const [outer, inner] = ["crm_get_pipeline", "crm_list_deals"].map((name) =>
      tools.find((tool) => tool.name === name),
    ) as unknown as [{ composes?: true; run: ToolDefinition["run"] }, ToolDefinition];
    const original = outer.run.bind(outer);
    const spies = [
      readStale(inner, "run"),
      vi.spyOn(outer, "run").mockImplementation(async (input, context) => {
        const called = await context.tools.call("crm_list_deals", {}, context.signal);
        expect(called.ok).toBe(true);
        return await original(input, context);
      }),
    ];
    outer.composes = true;
    const { meta, content } = await session.call("crm_get_pipeline");
    delete outer.composes;
    for (const spy of spies) spy.mockRestore();
    expect(meta?.["gatehouse/cache"]).toMatchObject({ stale: true });
    expect(content).toContainEqual({ type: "text", text: sentence });
  });
});
