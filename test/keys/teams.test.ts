import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { ADMINISTRATION } from "../../shared/audit/record.ts";
import { overConnection } from "../../shared/encoding/platform-database.ts";
import { approvalGate } from "../../shared/objects/approval-gate.ts";
import { giveRole, setAccess } from "../../shared/people/change-person.ts";
import { addTeam, addTeamMember, announceMember, removeTeamMember } from "../../shared/people/teams.ts";
import { alertsSection } from "../../shared/policy/alerts.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { runMarkedJob } from "../../workers/gateway/admin-jobs/run-admin-jobs.ts";
import { collectFacts } from "../../workers/gateway/alerts/collect-facts.ts";
import { findAlerts } from "../../workers/gateway/alerts/find-alerts.ts";
import { noteAlerts } from "../../workers/gateway/alerts/run-alerts.ts";
import { allEventsOf } from "../audit/trail.ts";
import { approve, CONTACT, letCallsWait, openAs, TOOL, textOf } from "../gateway/waiting-call.ts";
import { pathOf } from "../support/approvals.ts";
import { callMcp, createPerson, PASSWORD, signIn, type TestPerson } from "../support/oauth.ts";
import { openSession } from "../support/session.ts";
import { setSignIn } from "../support/single-sign-on.ts";
import { hiddenOf, keyOn, makeKey, revoke, rotate, sendForm } from "./make-key.ts";

const RULES = alertsSection.parse({});
let made = 0;

/** A team with these people as its members. */
async function createTeam(role: string, members: readonly TestPerson[], group: string | null = null) {
  const number = ++made;
  const [id, name] = [`team_${number}`, `Night jobs ${number}`];
  const people = overConnection(env.PLATFORM_DB);
  await people.change(addTeam({ id, name, role, group, at: new Date() }));
  for (const member of members) await people.change(addTeamMember(id, member.id));
  return { id, name };
}

async function changeMember(
  team: string,
  member: TestPerson,
  change: "member_added" | "member_removed",
): Promise<void> {
  const mark = crypto.randomUUID();
  const sql = change === "member_added" ? addTeamMember : removeTeamMember;
  const announced = announceMember(team, { member: member.id, change, by: "test", mark });
  await overConnection(env.PLATFORM_DB).change(`${sql(team, member.id)}\n${announced}`);
  expect(await runMarkedJob(env, mark)).toBe("in force");
}

/** A request of the directory that provisions people and groups. */
async function provision(method: string, path: string, body: unknown) {
  const response = await exports.default.fetch(new URL(`/scim/v2${path}`, env.PUBLIC_URL), {
    method,
    headers: {
      authorization: "Bearer test-only-scim-token-0123456789abcdef",
      "content-type": "application/scim+json",
    },
    body: JSON.stringify(body),
  });
  return (await response.json()) as { id: string };
}

const listRequests = async (requester: string) =>
  (
    await env.PLATFORM_DB.prepare("SELECT id FROM approval WHERE requester = ?")
      .bind(requester)
      .all<{ id: string }>()
  ).results.map(({ id }) => id);

const stoppedTeams = async () =>
  findAlerts((await collectFacts(env, Date.now(), RULES)).facts, RULES)
    .filter(({ kind }) => kind === "team_without_member")
    .map(({ subject }) => subject);

beforeAll(letCallsWait);

describe("a service account of a team", () => {
  it("is made, seen, rotated and revoked by its members, and calls as the team", async () => {
    // The role of the team decides what it may do, and not the one of who made it.
    const [ada, bob] = [await createPerson("viewer"), await createPerson("viewer")];
    const team = await createTeam("sales", [ada, bob]);
    const first = await signIn(ada);
    expect(await textOf(first.get("/account/keys"))).toContain(`?team=${team.id}`);
    const { id, text } = await makeKey(first, { team: team.id, name: "Invoices" });
    expect((await callMcp("/mcp/crm", text)).status).toBe(200);

    const second = await signIn(bob);
    const list = await textOf(second.get("/account/keys"));
    expect(list).toContain("Invoices");
    expect(list).toContain(`of the team ${team.name}`);
    const rotated = keyOn(await textOf(rotate(second, id, "0")));
    expect((await callMcp("/mcp/crm", text)).status).toBe(401);
    expect((await callMcp("/mcp/crm", rotated)).status).toBe(200);
    const session = await openSession({
      server: "crm",
      lane: "stateless",
      token: { accessToken: rotated, clientId: id },
    });
    expect((await session.call("crm_find_contacts", { query: "a" })).error).toBeUndefined();
    const calls = await allEventsOf(team.id);
    expect(calls.find(({ type }) => type === "intent")).toMatchObject({ clientId: id });
    expect((await revoke(first, id)).status).toBe(303);
    expect((await callMcp("/mcp/crm", rotated)).status).toBe(401);
    for (const [person, change] of [
      [ada, "created"],
      [bob, "rotated"],
      [ada, "revoked"],
    ] as const) {
      expect(await allEventsOf(person.id)).toContainEqual(
        expect.objectContaining({ type: "key_change", change, keyId: id }),
      );
    }
  });

  it("is not there for any other person, administrators included", async () => {
    const member = await createPerson("sales");
    const team = await createTeam("sales", [member]);
    const { id, text } = await makeKey(await signIn(member), { team: team.id });
    const { browser: stranger, person } = await openAs("admin");
    const [foreign, missing] = [
      await stranger.get(`/account/keys/${id}`),
      await stranger.get(`/account/keys/key_${"0".repeat(24)}`),
    ];
    expect([foreign.status, missing.status]).toEqual([404, 404]);
    expect(await foreign.text()).toBe(await missing.text());
    const [theirs, none] = [
      await stranger.get(`/account/keys/new?team=${team.id}`),
      await stranger.get("/account/keys/new?team=none"),
    ];
    expect([theirs.status, none.status]).toEqual([404, 404]);
    expect(await theirs.text()).toBe(await none.text());
    const list = await textOf(stranger.get("/account/keys"));
    expect(list).toContain("You have no keys");
    expect(list).not.toContain(team.name);
    const form = hiddenOf(await textOf(stranger.get("/account/keys/new")));
    const sent: [string, string][] = [
      ...form,
      ["team", team.id],
      ["name", "Mine"],
      ["resource", "/mcp/crm"],
      ["scope", "crm:read"],
      ["days", "90"],
      ["password", PASSWORD],
    ];
    expect((await stranger.post("/account/keys", sent)).status).toBe(404);
    for (const action of ["rotate", "revoke"]) {
      const fields = { subject: person.id, hint: text.slice(14, 18), overlap: "0", password: PASSWORD };
      expect((await stranger.post(`/account/keys/${id}/${action}`, fields)).status).toBe(404);
    }
    expect((await callMcp("/mcp/crm", text)).status).toBe(200);
  });

  it("has no more than the team's role, whatever the role of who makes it", async () => {
    const admin = await createPerson("admin");
    const team = await createTeam("viewer", [admin]);
    const refused = await sendForm(await signIn(admin), { team: team.id, scopes: ["crm:write"] });
    expect(refused.status).toBe(422);
  });

  it("stops at its next call when the last member is kept out, says so, and goes on with another one", async () => {
    const [ada, bob] = [await createPerson("sales"), await createPerson("sales")];
    const team = await createTeam("sales", [ada, bob]);
    const { id, text } = await makeKey(await signIn(ada), { team: team.id });
    const token = { accessToken: text, clientId: id };
    const session = await openSession({ server: "crm", lane: "sessionful", token });
    const call = async () =>
      (await session.request("tools/call", { name: "crm_find_contacts", arguments: { query: "a" } })).status;
    const keepOut = async (person: TestPerson, disabled: boolean) => {
      await runMarkedJob(env, await setAccess(overConnection(env.PLATFORM_DB), person.id, disabled, "test"));
    };
    expect(await call()).toBe(200);
    await keepOut(ada, true);
    expect(await call()).toBe(200);
    expect(await stoppedTeams()).not.toContain(team.id);

    await changeMember(team.id, bob, "member_removed");
    expect(await call()).toBe(401);
    expect((await callMcp("/mcp/crm", text)).status).toBe(401);
    expect(await stoppedTeams()).toContain(team.id);
    const found = findAlerts((await collectFacts(env, Date.now(), RULES)).facts, RULES);
    await noteAlerts(env.PLATFORM_DB, found, Date.now());
    const { browser: admin } = await openAs("admin");
    const alerts = await textOf(admin.get("/console/alerts"));
    expect(alerts).toContain("its service accounts are stopped");
    expect(alerts).toContain(team.name);
    expect(await textOf(admin.get(`/console/people/${team.id}`))).toContain("Stopped: no active member");
    // Who has left sees nothing of it any more.
    expect(await textOf((await signIn(bob)).get("/account/keys"))).not.toContain(team.name);

    const eve = await createPerson("sales");
    await changeMember(team.id, eve, "member_added");
    expect(await call()).toBe(200);
    expect(await stoppedTeams()).not.toContain(team.id);
    const about = (await allEventsOf(ADMINISTRATION)).filter(
      (event) => event.type === "team_change" && event.userId === team.id,
    );
    expect(about.map((event) => "change" in event && event.change)).toEqual([
      "member_removed",
      "stopped",
      "member_added",
      "started",
    ]);
  });

  it("stops with the last member of its group in the directory", async () => {
    const { id: person } = await provision("POST", "/Users", { userName: "night@corp.example" });
    // A person without a role is no member.
    setSignIn({ provisioning: { roles: [{ role: "sales", when: { groups: ["Night shift"] } }] } });
    const displayName = "Night shift";
    const group = await provision("POST", "/Groups", { displayName, members: [{ value: person }] });
    const team = await createTeam("sales", [], displayName);
    const helper = await createPerson("sales");
    await changeMember(team.id, helper, "member_added");
    const { text } = await makeKey(await signIn(helper), { team: team.id });
    await changeMember(team.id, helper, "member_removed");
    expect((await callMcp("/mcp/crm", text)).status).toBe(200);
    await provision("PATCH", `/Groups/${group.id}`, {
      Operations: [{ op: "remove", path: `members[value eq "${person}"]` }],
    });
    expect((await callMcp("/mcp/crm", text)).status).toBe(401);
    expect(await stoppedTeams()).toContain(team.id);
    await provision("PATCH", `/Groups/${group.id}`, {
      Operations: [{ op: "add", path: "members", value: [{ value: person }] }],
    });
    expect((await callMcp("/mcp/crm", text)).status).toBe(200);
    await provision("PATCH", `/Users/${person}`, {
      Operations: [{ op: "replace", path: "active", value: false }],
    });
    expect((await callMcp("/mcp/crm", text)).status).toBe(401);
  });

  it("asks for approvals that no member gives, and another person does", async () => {
    const [member, other] = [await openAs("admin"), await openAs("admin")];
    const team = await createTeam("sales", [member.person]);
    const { id, text } = await makeKey(member.browser, { team: team.id });
    const token = { accessToken: text, clientId: id };
    const session = await openSession({ server: "crm", lane: "stateless", token });
    const path = pathOf(await session.call(TOOL, CONTACT));
    expect(await textOf(member.browser.get("/console/approvals"))).not.toContain(team.name);
    expect((await member.browser.post(path, approve(member.person))).status).toBe(403);
    expect(await textOf(other.browser.get("/console/approvals"))).toContain(team.name);
    expect((await other.browser.post(path, approve(other.person))).status).toBeLessThan(400);
    expect((await session.call(TOOL, CONTACT)).error).toBeUndefined();
  });

  it("asks for approvals that no one who held its key then gives, also after they have left", async () => {
    const [left, maker, other] = [await openAs("admin"), await openAs("admin"), await openAs("admin")];
    const rest = await createPerson("sales");
    const team = await createTeam("sales", [left.person, maker.person, rest]);
    const { id, text: first } = await makeKey(left.browser, { team: team.id });
    const text = keyOn(await textOf(rotate(maker.browser, id, "0")));
    // Who made the secret that the key has now knows it, also as a member no more.
    await changeMember(team.id, maker.person, "member_removed");
    const token = { accessToken: text, clientId: id };
    const session = await openSession({ server: "crm", lane: "stateless", token });
    const contact = { ...CONTACT, email: "held@people.example" };
    const path = pathOf(await session.call(TOOL, contact));
    await changeMember(team.id, left.person, "member_removed");
    const later = await openAs("admin");
    await changeMember(team.id, later.person, "member_added");
    for (const { browser, person } of [left, maker, later]) {
      expect((await browser.post(path, approve(person))).status).toBe(403);
      expect(await textOf(browser.get("/console/approvals"))).not.toContain(team.name);
    }
    // The object refuses them as well, whatever a page lets through.
    const [approvalId] = (await listRequests(team.id)) as [string];
    const { digest: policyDigest } = bundledPolicy();
    const gate = approvalGate(env, team.id);
    for (const by of [left.person.id, maker.person.id]) {
      const decision = { approvalId, by, granted: true, reason: null, policyDigest };
      expect(await gate.decideApproval(decision)).toBe("own");
      const standing = { id: crypto.randomUUID(), approvalId, by, policyDigest, bounds: {}, calls: 1 };
      expect(await gate.makeStanding({ ...standing, until: Date.now() + 60_000 })).toBe("own");
    }
    expect((await session.call(TOOL, contact)).error?.code).toBe("approval_required");
    expect((await callMcp("/mcp/crm", first)).status).toBe(401);
    expect((await other.browser.post(path, approve(other.person))).status).toBeLessThan(400);
    // An approver who joins before the call runs acts for the team by then.
    await changeMember(team.id, other.person, "member_added");
    expect((await session.call(TOOL, contact)).error?.code).toBe("approval_required");
  });
});

describe("a team", () => {
  it("gets another role or access from people who do not act for it", async () => {
    const [member, other] = [await openAs("admin"), await openAs("admin")];
    const team = await createTeam("viewer", [member.person]);
    const change = ({ browser, person }: typeof member, fields: Record<string, string>) =>
      browser.post(`/console/people/${team.id}`, { subject: person.id, ...fields });
    const read = () =>
      env.PLATFORM_DB.prepare(`SELECT "role", "disabled" FROM "user" WHERE "id" = ?`).bind(team.id).first();
    for (const fields of [{ change: "role", role: "admin" }, { change: "disable" }, { change: "enable" }]) {
      expect((await change(member, fields)).status).toBe(403);
    }
    expect(await read()).toEqual({ role: "viewer", disabled: 0 });
    const shown = await textOf(member.browser.get(`/console/people/${team.id}`));
    expect(shown).toContain("You act for this team");
    expect(shown).not.toContain("Change role");
    // Stopping a team does not make its members strangers to it.
    expect((await change(other, { change: "disable" })).status).toBe(303);
    expect((await change(member, { change: "enable" })).status).toBe(403);
    expect((await change(other, { change: "role", role: "sales" })).status).toBe(303);
    expect(await read()).toEqual({ role: "sales", disabled: 1 });
  });

  it("has no member without a role", async () => {
    const person = await createPerson("sales");
    const team = await createTeam("sales", [person]);
    const browser = await signIn(person);
    const { text } = await makeKey(browser, { team: team.id });
    expect((await callMcp("/mcp/crm", text)).status).toBe(200);
    await runMarkedJob(env, await giveRole(overConnection(env.PLATFORM_DB), person.id, "-", "test"));
    expect(await textOf(browser.get("/account/keys"))).not.toContain(team.name);
    expect((await callMcp("/mcp/crm", text)).status).toBe(401);
    expect(await stoppedTeams()).toContain(team.id);
  });

  it("never signs in, and is no member of another one", async () => {
    const [one, two] = [await createTeam("sales", []), await createTeam("sales", [])];
    const insert = (table: string, columns: string, values: string) =>
      env.PLATFORM_DB.prepare(`INSERT INTO ${table} (${columns}) VALUES (${values})`).run();
    await expect(
      insert(
        `"session"`,
        `"id", "expiresAt", "token", "createdAt", "updatedAt", "userId"`,
        `'s', '2099-01-01', 't', '2026-01-01', '2026-01-01', '${one.id}'`,
      ),
    ).rejects.toThrow("A team does not sign in.");
    await expect(
      insert(
        `"account"`,
        `"id", "accountId", "providerId", "userId", "createdAt", "updatedAt"`,
        `'a', 'a', 'credential', '${one.id}', '2026-01-01', '2026-01-01'`,
      ),
    ).rejects.toThrow("A team does not sign in.");
    await expect(overConnection(env.PLATFORM_DB).change(addTeamMember(one.id, two.id))).rejects.toThrow(
      "no member of another one",
    );
  });
});
