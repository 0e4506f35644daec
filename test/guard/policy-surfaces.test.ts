import { beforeAll, describe, expect, it } from "vitest";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { listRoles, roleMayHold } from "../../shared/policy/current.ts";
import { listServers } from "../../workers/servers.ts";
import { addCompany, addDeal } from "../crm/rows.ts";
import { LANES, openSession } from "../support/session.ts";

/** Every name of every kind, as the registry defines it. */
const DEFINED = {
  tools: listServers().flatMap(({ tools }) => tools.map(({ name }) => name)),
  prompts: listServers().flatMap(({ prompts }) => prompts.map(({ name }) => name)),
};

const POLICY = bundledPolicy();
const SCOPES = listServers().flatMap(({ scopes }) => Object.keys(scopes));

/** Roles that can connect an app, and roles that work in the console only. */
const mayConnect = (role: string) => SCOPES.some((scope) => roleMayHold(POLICY, role, scope));
const CONNECTED = listRoles(POLICY).filter(mayConnect);
const CONSOLE_ONLY = listRoles(POLICY).filter((role) => !mayConnect(role));

describe.each(LANES)("under the bundled policy, on the %s lane", (lane) => {
  it.each(CONSOLE_ONLY)("%s, who may hold no scope, gets no token", async (role) => {
    await expect(openSession({ server: "", lane, as: role, role })).rejects.toThrow(
      /No token: 400 .*role no longer allows any of these permissions/,
    );
  });

  it.each(CONNECTED)("%s can call exactly the listed names", async (role) => {
    const session = await openSession({ server: "", lane, as: role, role });
    const listed: string[] = (await session.listTools()).map(({ name }: { name: string }) => name);
    const callable: string[] = [];
    for (const name of DEFINED.tools) {
      // Arguments that no tool has: an allowed call gets as far as their refusal.
      const { error } = await session.call(name, { no_such_argument: 1 });
      expect(["invalid_input", "forbidden"], name).toContain(error?.code);
      if (error?.code === "invalid_input") callable.push(name);
    }
    expect(callable).toEqual(DEFINED.tools.filter((name) => listed.includes(name)));
  });

  it.each(CONNECTED)("%s can use the prompts and resources that are listed", async (role) => {
    const session = await openSession({ server: "", lane, as: role, role });
    const prompts = (await session.request("prompts/list")).result.prompts;
    const names = prompts.map(({ name }: { name: string }) => name);
    for (const name of DEFINED.prompts) {
      const { error } = await session.request("prompts/get", {
        name,
        arguments: { no_such_argument: "1" },
      });
      expect(JSON.stringify(error).includes("forbidden"), name).toBe(!names.includes(name));
    }
    const resources: { uri: string }[] = await session.listResources();
    const open = await openSession({ server: "", lane });
    for (const { uri } of (await open.listResources()).slice(0, 20)) {
      const { error } = await session.request("resources/read", { uri });
      expect(error === undefined, uri).toBe(resources.some((resource) => resource.uri === uri));
    }
  });
});

describe.each(LANES)("a rule on arguments, on the %s lane", (lane) => {
  const ruledId = `deal_ruled${lane}`;
  const freeId = `deal_free${lane}`;
  const move = (stage: string, deal_id = ruledId) => ({ deal_id, version: 1, stage, reason: "Signed" });

  // The tool refuses a move that cannot be made before the rule asks for an approval.
  beforeAll(async () => {
    const companyId = `cmp_rule${lane}`;
    await addCompany(companyId, `Rule ${lane}`);
    await addDeal(ruledId, companyId, { stage: "proposal" });
    await addDeal(freeId, companyId, { stage: "proposal" });
  });

  it("leaves the tool in the list, lets other arguments through, and stops with the rule's sentence", async () => {
    const session = await openSession({ server: "crm", lane, as: "sam", role: "sales" });
    const tools: { name: string }[] = await session.listTools();
    expect(tools.map(({ name }) => name)).toContain("crm_move_deal");
    const refused = await session.call("crm_move_deal", move("won"));
    expect(refused.error).toMatchObject({ code: "approval_required" });
    expect(refused.error?.message).toContain("A deal becomes won when an administrator");
    expect((await session.call("crm_move_deal", move("negotiation"))).error).toBeUndefined();
  });

  it("does not bind a role that has no such rule", async () => {
    const session = await openSession({ server: "crm", lane });
    expect((await session.call("crm_move_deal", move("won", freeId))).error).toBeUndefined();
  });

  it("refuses malformed arguments as malformed, so that the refusal reveals nothing", async () => {
    const session = await openSession({ server: "crm", lane, as: "sam", role: "sales" });
    for (const stage of ["WON ", 1, null, ["won"]]) {
      const { error } = await session.call("crm_move_deal", { ...move("won"), stage });
      expect(error?.code).toBe("invalid_input");
    }
  });
});

describe.each(LANES)("a denied tool, on the %s lane", (lane) => {
  it("is refused to a viewer and open to an analyst with the same scopes", async () => {
    const scopes = ["analytics:read"];
    const viewer = await openSession({ server: "analytics", lane, as: "vera", role: "viewer", scopes });
    const analyst = await openSession({ server: "analytics", lane, as: "anton", role: "analyst", scopes });
    const sql = { sql: "SELECT 1 AS one" };
    expect((await viewer.call("analytics_sql", sql)).error).toMatchObject({ code: "forbidden" });
    expect((await analyst.call("analytics_sql", sql)).isError).toBe(false);
  });
});
