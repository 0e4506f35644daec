import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { listServers } from "../../workers/servers.ts";
import { LANES, openSession } from "../support/session.ts";

/** Every MCP URL: one per server of the registry, and the one of all servers. */
const DOORS = [...listServers().map(({ name }) => name), ""];
const definitions = {
  prompts: listServers().flatMap(({ prompts }) => prompts),
  resources: listServers().flatMap(({ resources }) => resources),
};
/** Arguments with free text of a user, which have no set of values to complete. */
const FREE_TEXT = ["part", "purpose", "question", "topic", "audience"];
/** Tools that return a picture or a recording, without a structured answer. */
const PICTURES = ["knowledge_get_media"];
const MATRIX = DOORS.flatMap((server) => LANES.map((lane) => ({ server, lane, url: `/mcp/${server}` })));

describe.each(MATRIX)("$url on the $lane lane", ({ server, lane }) => {
  it("lists tools that a client can show and classify: title, description, schemas and all four hints", async () => {
    const session = await openSession({ server, lane });
    const tools = await session.listTools();
    expect(tools.length).toBeGreaterThan(3);
    for (const tool of tools) {
      expect(tool.name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      expect(tool.title.length).toBeGreaterThan(2);
      expect(tool.description.length).toBeGreaterThan(20);
      expect(tool.inputSchema).toMatchObject({ type: "object", additionalProperties: false });
      if (!PICTURES.includes(tool.name)) expect(tool.outputSchema).toMatchObject({ type: "object" });
      expect(Object.keys(tool.annotations).sort()).toEqual([
        "destructiveHint",
        "idempotentHint",
        "openWorldHint",
        "readOnlyHint",
        "title",
      ]);
      expect(tool.annotations.readOnlyHint && tool.annotations.destructiveHint).toBe(false);
    }
  });

  it("lists the same tools in the same order every time", async () => {
    const session = await openSession({ server, lane });
    expect(await session.listTools()).toEqual(await session.listTools());
  });

  it("describes every argument of every tool and prompt", async () => {
    const session = await openSession({ server, lane });
    const undescribed = (await session.listTools()).flatMap(
      (tool: { name: string; inputSchema: { properties?: Record<string, { description?: string }> } }) =>
        Object.entries(tool.inputSchema.properties ?? {})
          .filter(([, schema]) => !schema.description)
          .map(([name]) => `${tool.name}.${name}`),
    );
    expect(undescribed).toEqual([]);
    const { result } = await session.request("prompts/list");
    for (const prompt of result.prompts) {
      for (const argument of prompt.arguments) expect(argument.description, prompt.name).not.toBe("");
    }
  });

  it("gives every tool, resource, template and prompt a title, an icon that exists and, where it can, annotations", async () => {
    const session = await openSession({ server, lane });
    const { result: templates } = await session.request("resources/templates/list");
    const { result: prompts } = await session.request("prompts/list");
    const resources = [...templates.resourceTemplates, ...(await session.listResources())];
    for (const item of [...templates.resourceTemplates, ...prompts.prompts]) {
      expect(item.description, item.name).toBeTruthy();
    }
    const icons = new Set<string>();
    for (const item of [...(await session.listTools()), ...resources, ...prompts.prompts]) {
      expect(item.title, item.name).toBeTruthy();
      expect(item.icons[0], item.name).toMatchObject({ mimeType: "image/svg+xml", sizes: ["any"] });
      icons.add(item.icons[0].src);
    }
    for (const item of resources) expect(item.annotations.audience, item.uri).toEqual(["user", "assistant"]);
    for (const icon of icons) expect((await exports.default.fetch(icon)).status, icon).toBe(200);
  });

  it("completes every argument with known values; only free text is without completion", async () => {
    const session = await openSession({ server, lane });
    const { result: templates } = await session.request("resources/templates/list");
    const { result: prompts } = await session.request("prompts/list");
    const asked = [
      ...templates.resourceTemplates.flatMap(({ uriTemplate }: { uriTemplate: string }) =>
        [...uriTemplate.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
          ref: { type: "ref/resource", uri: uriTemplate },
          name,
        })),
      ),
      ...prompts.prompts.flatMap((prompt: { name: string; arguments: { name: string }[] }) =>
        prompt.arguments.map(({ name }) => ({ ref: { type: "ref/prompt", name: prompt.name }, name })),
      ),
    ];
    const silent: string[] = [];
    for (const { ref, name } of asked) {
      const { definition } =
        ref.type === "ref/prompt"
          ? { definition: definitions.prompts.find((prompt) => prompt.name === ref.name) }
          : { definition: definitions.resources.find(({ uriTemplate }) => uriTemplate === ref.uri) };
      if (!definition?.complete || !(name in definition.complete)) silent.push(name);
      expect((await session.complete(ref, { name, value: "" })).values.length, name).toBeLessThanOrEqual(100);
    }
    expect(silent.filter((name) => !FREE_TEXT.includes(name))).toEqual([]);
  });

  it("answers an unknown tool with a JSON-RPC error that names it", async () => {
    const session = await openSession({ server, lane });
    const { error } = await session.request("tools/call", { name: "no_such_tool", arguments: {} });
    expect(error).toMatchObject({ code: -32602, message: "Unknown tool: no_such_tool" });
  });

  it("refuses an unknown argument instead of ignoring it, and lists the tool's arguments", async () => {
    const session = await openSession({ server, lane });
    for (const tool of await session.listTools()) {
      const { isError, error } = await session.call(tool.name, { no_such_argument: 1 });
      expect(isError, tool.name).toBe(true);
      expect(error, tool.name).toMatchObject({ code: "invalid_input" });
      expect(error?.message).toContain('"no_such_argument"');
      expect(error?.suggested_action).toBeTruthy();
    }
  });

  it("refuses a wrong type with a sentence that names the field", async () => {
    const session = await openSession({ server, lane });
    const { error } = await session.call("context_get", { limit: "many" });
    expect(error).toMatchObject({ code: "invalid_input" });
    expect(error?.message).toMatch(/^limit: /);
  });

  it("answers an unknown resource, prompt and method with errors and no stack trace", async () => {
    const session = await openSession({ server, lane });
    const answers = [
      await session.request("resources/read", { uri: "nowhere://at/all" }),
      await session.request("prompts/get", { name: "no_such_prompt" }),
      await session.request("no/such/method"),
    ];
    for (const { error } of answers) {
      expect(error?.code).toBeLessThan(0);
      expect(JSON.stringify(error)).not.toMatch(/\bat \S+:\d+|\.ts:/);
    }
  });

  it("refuses a cursor that it did not create", async () => {
    const session = await openSession({ server, lane });
    const { error } = await session.request("tools/list", { cursor: "hello" });
    expect(error?.code).toBe(-32602);
  });

  it("can read every resource that it lists", async () => {
    const session = await openSession({ server, lane });
    for (const { uri } of await session.listResources()) {
      const contents = await session.readResource(uri);
      expect(contents.length, uri).toBeGreaterThan(0);
    }
  });
});

describe.each(LANES)("rights on the %s lane", (lane) => {
  it("hides tools that a role can never use and shows those that a token can step up to", async () => {
    const subscriber = await openSession({ server: "crm", lane, role: "viewer", scopes: ["crm:read"] });
    const sales = await openSession({ server: "crm", lane, as: "bob", role: "sales", scopes: ["crm:read"] });
    const names = async (session: typeof subscriber) =>
      (await session.listTools()).map((tool: { name: string }) => tool.name);
    expect(await names(subscriber)).not.toContain("crm_update_contact");
    expect(await names(sales)).toContain("crm_update_contact");
  });

  it("answers a call that the token's scopes do not cover with the exact 403 challenge", async () => {
    const session = await openSession({ server: "crm", lane, role: "sales", scopes: ["crm:read"] });
    const params = { name: "crm_update_contact", arguments: {} };
    const { status, headers } = await session.request("tools/call", params);
    expect(status).toBe(403);
    const challenge = headers.get("www-authenticate") ?? "";
    expect(challenge).toContain('error="insufficient_scope"');
    expect(challenge).toContain('scope="crm:read crm:write"');
    expect(challenge).toContain("resource_metadata=");
  });

  it("refuses a call of a hidden tool", async () => {
    const session = await openSession({ server: "crm", lane, role: "viewer", scopes: ["crm:read"] });
    const { error } = await session.call("crm_update_contact", {});
    expect(error).toMatchObject({ code: "forbidden" });
  });
});
