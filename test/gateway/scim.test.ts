import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { overConnection } from "../../shared/encoding/platform-database.ts";
import { setAccess } from "../../shared/people/change-person.ts";
import { followDue } from "../../workers/gateway/scim/follow-groups.ts";
import { allEventsOf } from "../audit/trail.ts";
import { keyOn, sendForm } from "../keys/make-key.ts";
import { connect, createPerson, TestBrowser } from "../support/oauth.ts";
import { openSession } from "../support/session.ts";
import { CORP, setPerson, setSignIn, signInWith } from "../support/single-sign-on.ts";

const TOKEN = "test-only-scim-token-0123456789abcdef";
const USER = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

interface Answer {
  status: number;
  type: string;
  body: ReturnType<typeof JSON.parse>;
}

async function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await exports.default.fetch(new URL(`/scim/v2${path}`, env.PUBLIC_URL), {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/scim+json", ...headers },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get("content-type") ?? "",
    body: text === "" ? null : JSON.parse(text),
  };
}

const patch = (path: string, ...Operations: object[]) => ask("PATCH", path, { schemas: [PATCH], Operations });

let made = 0;
const create = (changes: Record<string, unknown> = {}) =>
  ask("POST", "/Users", { schemas: [USER], userName: `scim${++made}@corp.example`, ...changes });

const roleOf = async (id: string) =>
  (
    await env.PLATFORM_DB.prepare(`SELECT "role" FROM "user" WHERE "id" = ?`)
      .bind(id)
      .first<{ role: string }>()
  )?.role;

const beforeRules = () => {
  const roles = [{ role: "sales", when: { groups: ["Tour Guides"] } }];
  setSignIn({ providers: { corp: { ...CORP, mfa: { amr: ["otp"] } } }, provisioning: { roles } });
};
beforeAll(beforeRules);

describe("users", () => {
  it("are created, read, replaced and removed as RFC 7644 shows it", async () => {
    const created = await create({
      externalId: "bjensen",
      name: { formatted: "Ms. Barbara J Jensen III", familyName: "Jensen", givenName: "Barbara" },
    });
    expect([created.status, created.type]).toEqual([201, "application/scim+json"]);
    expect(created.body).toMatchObject({
      schemas: [USER],
      externalId: "bjensen",
      name: { formatted: "Ms. Barbara J Jensen III" },
      active: true,
      meta: { resourceType: "User", location: `${env.PUBLIC_URL}/scim/v2/Users/${created.body.id}` },
    });
    const path = `/Users/${created.body.id}`;
    expect((await ask("GET", path)).body).toEqual(created.body);
    const { userName } = created.body;
    const replaced = await ask("PUT", path, {
      schemas: [USER],
      userName,
      displayName: "Babs",
      emails: [{ value: "babs@corp.example" }],
    });
    expect(replaced.body).toMatchObject({ displayName: "Babs", userName });
    expect(replaced.body.externalId).toBeUndefined();
    expect((await ask("DELETE", path)).status).toBe(204);
    const gone = await ask("GET", path);
    expect(gone.body).toEqual({
      schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
      status: "404",
      detail: "There is no such user.",
    });
  });

  it("are found by name and external id, and listed by pages", async () => {
    const { body } = await create({ externalId: 'quoted " id' });
    for (const filter of [`userName eq "${body.userName.toUpperCase()}"`, `externalId eq "quoted \\" id"`]) {
      const found = await ask("GET", `/Users?filter=${encodeURIComponent(filter)}`);
      expect(found.body).toMatchObject({ totalResults: 1, startIndex: 1, itemsPerPage: 1 });
      expect(found.body.Resources[0].id).toBe(body.id);
    }
    await Promise.all([create(), create(), create()]);
    const all = (await ask("GET", "/Users")).body.totalResults;
    const [one, rest] = await Promise.all([
      ask("GET", "/Users?count=1"),
      ask("GET", `/Users?startIndex=2&count=200`),
    ]);
    expect(one.body.Resources).toHaveLength(1);
    expect(rest.body.Resources).toHaveLength(all - 1);
    expect((await ask("GET", "/Users?count=0")).body).toMatchObject({ totalResults: all, Resources: [] });
    const escaped = await ask("GET", `/Users?filter=${encodeURIComponent('userName eq "\\x"')}`);
    expect(escaped.body).toMatchObject({ status: "400", scimType: "invalidFilter" });
    const bad = await ask("GET", `/Users?filter=${encodeURIComponent('userName sw "a" or 1 eq 1')}`);
    expect(bad.body).toMatchObject({ status: "400", scimType: "invalidFilter" });
  });

  it.each([
    ["true and false", { op: "replace", path: "active", value: false }],
    ["the words of Entra ID", { op: "Replace", path: "active", value: "False" }],
    ["an object without a path", { op: "replace", value: { active: false } }],
  ])("are deactivated with %s", async (_how, operation) => {
    const { body } = await create();
    expect((await patch(`/Users/${body.id}`, operation)).body.active).toBe(false);
    expect(
      (await patch(`/Users/${body.id}`, { op: "replace", path: "active", value: true })).body.active,
    ).toBe(true);
  });

  it("that were added by hand are neither read nor changed, nor taken over by their address", async () => {
    const person = await createPerson("admin");
    expect((await ask("GET", `/Users/${person.id}`)).status).toBe(404);
    expect((await patch(`/Users/${person.id}`, { op: "replace", path: "active", value: false })).status).toBe(
      404,
    );
    expect((await ask("DELETE", `/Users/${person.id}`)).status).toBe(404);
    expect((await create({ userName: person.email })).body).toMatchObject({
      status: "409",
      scimType: "uniqueness",
    });
    const { body } = await create();
    expect((await ask("PUT", `/Users/${body.id}`, { userName: person.email })).status).toBe(409);
    expect((await create({ userName: body.userName })).status).toBe(409);
    expect(await roleOf(person.id)).toBe("admin");
  });
});

describe("an account that is there already", () => {
  it("comes under provisioning only when its identity is of its domain's provider", async () => {
    const add = async (email: string, issuer: string) => {
      const { id } = await createPerson("viewer");
      await env.PLATFORM_DB.batch([
        env.PLATFORM_DB.prepare(`UPDATE "user" SET "email" = ? WHERE "id" = ?`).bind(email, id),
        env.PLATFORM_DB.prepare("INSERT INTO federated_identity VALUES (?, ?, ?, 1, 1)").bind(issuer, id, id),
      ]);
      return id;
    };
    const foreign = await add("foreign@corp.example", "https://elsewhere.example");
    expect((await create({ userName: "foreign@corp.example" })).status).toBe(409);
    expect(await roleOf(foreign)).toBe("viewer");
    const own = await add("own@corp.example", CORP.issuer);
    expect((await create({ userName: "own@corp.example" })).body.id).toBe(own);
  });
});

describe("groups", () => {
  it("give the role of the policy's rules, and take it with the last of them", async () => {
    const { body: user } = await create();
    expect(await roleOf(user.id)).toBe("-");
    const { body: group, status } = await ask("POST", "/Groups", {
      displayName: "Tour Guides",
      members: [{ value: user.id }],
    });
    expect(status).toBe(201);
    expect(group.members).toEqual([
      { value: user.id, $ref: `${env.PUBLIC_URL}/scim/v2/Users/${user.id}`, type: "User" },
    ]);
    expect(await roleOf(user.id)).toBe("sales");
    const path = `/Groups/${group.id}`;
    await patch(path, { op: "remove", path: `members[value eq "${user.id}"]` });
    expect(await roleOf(user.id)).toBe("-");
    await patch(path, { op: "Add", path: "members", value: [{ value: user.id }] });
    expect(await roleOf(user.id)).toBe("sales");
    await patch(path, { op: "replace", path: "displayName", value: "Tourists" });
    expect(await roleOf(user.id)).toBe("-");
    await ask("PUT", path, {
      displayName: "Tour Guides",
      members: [{ value: user.id }, { value: "nobody" }],
    });
    expect((await ask("GET", path)).body.members).toHaveLength(1);
    expect(await roleOf(user.id)).toBe("sales");
    expect((await ask("POST", "/Groups", { displayName: "Tour Guides" })).status).toBe(409);
    await ask("DELETE", path);
    expect(await roleOf(user.id)).toBe("-");
  });
});

describe("roles", () => {
  const group = (members: readonly { value: string }[]) =>
    ask("POST", "/Groups", { displayName: "Tour Guides", members });

  it("follow a change whose request ended half way, at the next run of the job", async () => {
    const { body: user } = await create();
    const { body } = await group([{ value: user.id }]);
    expect(await roleOf(user.id)).toBe("sales");
    // The membership cannot be followed while the person's row refuses the role.
    await env.PLATFORM_DB.prepare(
      `CREATE TRIGGER stop_role BEFORE UPDATE OF "role" ON "user" BEGIN SELECT RAISE(ABORT, 'away'); END`,
    ).run();
    await ask("PUT", `/Groups/${body.id}`, { displayName: "Tour Guides", members: [] });
    await env.PLATFORM_DB.prepare("DROP TRIGGER stop_role").run();
    expect(await roleOf(user.id)).toBe("sales");
    await followDue(env);
    expect(await roleOf(user.id)).toBe("-");
    await ask("DELETE", `/Groups/${body.id}`);
  });

  it("are those of the last change when many come at the same time", async () => {
    const { body: user } = await create();
    const { body } = await group([]);
    const path = `/Groups/${body.id}`;
    const change = (op: string) => patch(path, { op, path: "members", value: [{ value: user.id }] });
    await Promise.all(["add", "remove", "add", "remove", "add", "remove"].map(change));
    const { members } = (await ask("GET", path)).body;
    expect(await roleOf(user.id)).toBe(members.length === 1 ? "sales" : "-");
    const due = await env.PLATFORM_DB.prepare("SELECT count(*) AS total FROM scim_due").first();
    expect(due).toEqual({ total: 0 });
    await ask("DELETE", path);
  });

  it("follow changed rules at the next sign-in, and a changed e-mail domain at once", async () => {
    await setPerson("ruled", { email: "ruled@corp.example", groups: [] });
    const { body: user } = await create({ userName: "ruled@corp.example" });
    const rules = (role: string, when: Record<string, string[]>) =>
      setSignIn({ providers: { corp: CORP }, provisioning: { roles: [{ role, when }] } });
    rules("viewer", { email_domain: ["corp.example"] });
    expect((await signInWith(new TestBrowser(), { login: "ruled" })).status).toBe(303);
    expect(await roleOf(user.id)).toBe("viewer");
    rules("sales", { email_domain: ["corp.example"] });
    expect((await signInWith(new TestBrowser(), { login: "ruled" })).status).toBe(303);
    expect(await roleOf(user.id)).toBe("sales");
    await ask("PUT", `/Users/${user.id}`, { userName: "ruled@moved.example" });
    expect(await roleOf(user.id)).toBe("-");
    beforeRules();
  });

  it("and access stay as an administrator set them when a body has no word on `active`", async () => {
    const { body: user } = await create();
    await setAccess(overConnection(env.PLATFORM_DB), user.id, true, "tester");
    const kept = await ask("PUT", `/Users/${user.id}`, { userName: user.userName, displayName: "Kept" });
    expect(kept.body).toMatchObject({ displayName: "Kept", active: false });
    await patch(`/Users/${user.id}`, { op: "replace", path: "displayName", value: "Out" });
    expect((await ask("GET", `/Users/${user.id}`)).body).toMatchObject({ displayName: "Out", active: false });
  });
});

describe("a person who is deactivated", () => {
  const OFF = [
    ["RFC 7644", "rfc", (path: string) => patch(path, { op: "replace", path: "active", value: false })],
    ["Entra ID", "entra", (path: string) => patch(path, { op: "Replace", path: "active", value: "False" })],
    [
      "Okta",
      "okta",
      (path: string) => ask("PUT", path, { schemas: [USER], userName: "okta@corp.example", active: false }),
    ],
  ] as const;

  it.each(OFF)(
    "by %s loses browser, app and key at the next request, with 20 calls in flight, and their role is not the issuer's",
    async (_who, login, deactivate) => {
      const { body: user } = await create({ userName: `${login}@corp.example` });
      const { body: group } = await ask("POST", "/Groups", {
        displayName: "Tour Guides",
        members: [{ value: user.id }],
      });
      await setPerson(login, { email: `${login}@corp.example`, groups: ["gatehouse-admins"] });
      const browser = new TestBrowser();
      expect((await signInWith(browser, { login, code: true })).status).toBe(303);
      expect(await roleOf(user.id)).toBe("sales");
      const connection = await connect(
        { email: `${login}@corp.example` },
        { resource: "/mcp/crm", tick: ["crm:read"] },
        browser,
      );
      const made = await sendForm(browser, { resources: ["/mcp/crm"], scopes: ["crm:read"] });
      const key = keyOn(await made.text());
      expect(key).not.toBe("");
      const sessions = await Promise.all(
        (["stateless", "sessionful"] as const).map((lane) =>
          openSession({ server: "crm", lane, token: connection }),
        ),
      );
      const withKey = await openSession({
        server: "crm",
        lane: "stateless",
        token: { accessToken: key, clientId: "key" },
      });
      const flights = Array.from({ length: 20 }, (_, index) =>
        (sessions[index % 2] as (typeof sessions)[0]).request("tools/call", {
          name: "crm_list_tasks",
          arguments: {},
        }),
      );
      const [off, ...answers] = await Promise.all([deactivate(`/Users/${user.id}`), ...flights]);
      expect(off.body.active).toBe(false);
      // Each call ran to its end or was refused whole; none is left open or half done.
      const outcomes = answers.map(({ status, result, error }) =>
        status === 200 && result?.isError !== true && error === undefined ? "ran" : status,
      );
      expect(outcomes.filter((outcome) => outcome !== "ran" && outcome !== 401)).toEqual([]);
      const ran = outcomes.filter((outcome) => outcome === "ran").length;
      const idsOf = async (type: "intent" | "outcome") =>
        (await allEventsOf(user.id)).flatMap((event) => (event.type === type ? [event.callId] : [])).sort();
      await expect.poll(() => idsOf("outcome")).toEqual(await idsOf("intent"));
      expect((await idsOf("intent")).length).toBeGreaterThanOrEqual(ran);
      for (const session of [...sessions, withKey]) {
        expect((await session.request("tools/call", { name: "crm_list_tasks", arguments: {} })).status).toBe(
          401,
        );
        expect((await session.request("tools/list")).status).toBe(401);
      }
      expect((await browser.get("/account")).status).toBe(303);
      expect((await signInWith(new TestBrowser(), { login })).status).toBe(403);
      await ask("DELETE", `/Groups/${group.id}`);
    },
  );
});
