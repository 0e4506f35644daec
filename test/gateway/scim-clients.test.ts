import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { CORP, setSignIn } from "../support/single-sign-on.ts";

/**
 * Two provisioning services as their documentation shows what they send: Microsoft's «Tutorial: Develop a SCIM endpoint»
 * for Entra ID, and Okta's «SCIM 2.0 protocol» reference.
 */

const TOKEN = "test-only-scim-token-0123456789abcdef";
const URN = "urn:ietf:params:scim:schemas:core:2.0";
const PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/** People of each service. */
const PEOPLE = 100;

interface Resource {
  id: string;
  userName: string;
  emails: { value: string }[];
  displayName: string;
  active: boolean;
  members?: { value: string }[];
}

async function ask(method: string, path: string, body?: unknown, more: Record<string, string> = {}) {
  const response = await exports.default.fetch(new URL(`/scim/v2${path}`, env.PUBLIC_URL), {
    method,
    headers: {
      ...{ authorization: `Bearer ${TOKEN}`, "content-type": "application/scim+json; charset=utf-8" },
      ...more,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === "" ? null : JSON.parse(text)) as Resource & {
      totalResults: number;
      itemsPerPage: number;
      detail: string;
      Resources: Resource[];
    },
  };
}

const patch = (path: string, ...Operations: object[]) => ask("PATCH", path, { schemas: [PATCH], Operations });
const filtered = (path: string, filter: string, more = "") =>
  ask("GET", `${path}?filter=${encodeURIComponent(filter)}${more}`);

/** Runs work for each, ten at a time. */
async function forEach<One, Result>(all: readonly One[], work: (one: One) => Promise<Result>) {
  const results: Result[] = [];
  for (let from = 0; from < all.length; from += 10) {
    results.push(...(await Promise.all(all.slice(from, from + 10).map(work))));
  }
  return results;
}

/** What a service asks before it creates a person. */
async function expectNone(userName: string): Promise<void> {
  expect((await filtered("/Users", `userName eq "${userName}"`)).body.totalResults).toBe(0);
}

const rolesOf = async (like: string) =>
  (
    await env.PLATFORM_DB.prepare(
      `SELECT "role", count(*) AS people FROM "user" WHERE "email" LIKE ? GROUP BY 1 ORDER BY 1`,
    )
      .bind(like)
      .all()
  ).results;

const numbers = Array.from({ length: PEOPLE }, (_, index) => String(index + 1).padStart(3, "0"));

beforeAll(() => {
  const roles = [
    { role: "sales", when: { groups: ["Sales EMEA"] } },
    { role: "analyst", when: { groups: ["Analysts"] } },
  ];
  setSignIn({ providers: { corp: CORP }, provisioning: { roles } });
});

describe("a provisioning service with 100 people", { timeout: 60_000 }, () => {
  it("that speaks as Entra ID finds, creates, groups, renames and deactivates them", async () => {
    const created = await forEach(numbers, async (number) => {
      const userName = `entra${number}@corp.example`;
      if (number < "010") await expectNone(userName);
      const { status, headers, body } = await ask("POST", "/Users", {
        schemas: [`${URN}:User`, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        externalId: `entra-${number}`,
        userName,
        active: true,
        displayName: `Entra ${number}`,
        emails: [{ primary: true, type: "work", value: userName }],
        meta: { resourceType: "User" },
        name: { formatted: `Entra ${number}`, familyName: number, givenName: "Entra" },
        roles: [],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { department: "Sales" },
      });
      expect([status, headers.get("Location")]).toEqual([201, `${env.PUBLIC_URL}/scim/v2/Users/${body.id}`]);
      return body;
    });
    const group = await ask("POST", "/Groups", {
      schemas: [`${URN}:Group`, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
      externalId: "entra-group",
      displayName: "Sales EMEA",
      meta: { resourceType: "Group" },
    });
    const path = `/Groups/${group.body.id}`;
    // One operation names many people, and one person may come in an operation of their own.
    const [first, ...others] = created.map(({ id }) => ({ $ref: null, value: id }));
    await patch(path, { op: "Add", path: "members", value: [first] });
    await patch(path, { op: "Add", path: "members", value: others });
    expect(await rolesOf("entra%")).toEqual([{ role: "sales", people: PEOPLE }]);

    const found = await filtered("/Groups", 'displayName eq "Sales EMEA"', "&excludedAttributes=members");
    expect([found.body.totalResults, found.body.Resources[0]?.members]).toEqual([1, undefined]);
    const byMail = await filtered("/Users", 'emails[type eq "work"].value eq "entra007@corp.example"');
    expect(byMail.body.Resources.map(({ displayName }) => displayName)).toEqual(["Entra 007"]);
    expect((await filtered("/Users", 'externalId eq "entra-008"')).body.totalResults).toBe(1);

    const [one, two, three] = created as unknown as [Resource, Resource, Resource];
    const renamed = await patch(
      `/Users/${one.id}`,
      { op: "Replace", path: 'emails[type eq "work"].value', value: "updated@corp.example" },
      { op: "Replace", path: "displayName", value: "Renamed" },
      { op: "Add", path: "name.familyName", value: "New" },
      { op: "Add", path: `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager`, value: "x" },
    );
    // The address with which a person signs in is their user name.
    expect(renamed.body).toMatchObject({ displayName: "Renamed", userName: one.userName, active: true });
    const pathless = {
      op: "replace",
      value: { displayName: "No path", active: "False", "name.familyName": "Q" },
    };
    expect((await patch(`/Users/${two.id}`, pathless)).body).toMatchObject({
      displayName: "No path",
      active: false,
    });
    const off = await patch(`/Users/${three.id}`, { op: "Replace", path: "active", value: "False" });
    expect(off.body.active).toBe(false);
    expect((await filtered("/Users", `userName eq "${three.userName}"`)).body.Resources[0]?.active).toBe(
      false,
    );
    await patch(path, { op: "Remove", path: "members", value: [{ $ref: null, value: one.id }] });
    expect(await rolesOf("entra%")).toEqual([
      { role: "-", people: 1 },
      { role: "sales", people: PEOPLE - 1 },
    ]);
    expect((await ask("DELETE", `/Users/${one.id}`)).status).toBe(204);
  });

  it("that speaks as Okta pages, replaces whole people, pushes a group and deactivates them", async () => {
    expect((await ask("GET", "/Users?startIndex=1&count=2")).body.itemsPerPage).toBeLessThanOrEqual(2);
    const profile = (number: string, active = true) => ({
      schemas: [`${URN}:User`],
      userName: `okta${number}@corp.example`,
      name: { givenName: "Okta", familyName: number },
      emails: [{ primary: true, value: `okta${number}@corp.example`, type: "work", display: "x" }],
      displayName: `Okta ${number}`,
      locale: "en-US",
      externalId: `00u${number}`,
      groups: [],
      password: "1mz050nq",
      active,
    });
    const created = await forEach(numbers, async (number) => {
      expect((await filtered("/Users", `userName eq "okta${number}@corp.example"`)).body.totalResults).toBe(
        0,
      );
      return (await ask("POST", "/Users", profile(number))).body;
    });
    const seen: Resource[] = [];
    for (let next = 1, total = 1; next <= total; ) {
      const { body } = await ask("GET", `/Users?startIndex=${next}&count=30`);
      [total, next] = [body.totalResults, next + body.itemsPerPage];
      seen.push(...body.Resources);
    }
    const own = seen.filter(({ userName }) => userName.startsWith("okta"));
    expect([own.length, new Set(seen.map(({ id }) => id)).size]).toEqual([PEOPLE, seen.length]);

    const members = created.map(({ id }) => ({ value: id, display: "x" }));
    const group = await ask("POST", "/Groups", { schemas: [`${URN}:Group`], displayName: "Pushed", members });
    const path = `/Groups/${group.body.id}`;
    expect(await rolesOf("okta%")).toEqual([{ role: "-", people: PEOPLE }]);
    const value = { id: group.body.id, displayName: "Analysts" };
    const renamed = await patch(
      path,
      { op: "replace", value },
      { op: "add", path: "externalId", value: "00g1" },
    );
    expect(renamed.body).toMatchObject({ displayName: "Analysts", externalId: "00g1" });
    expect(await rolesOf("okta%")).toEqual([{ role: "analyst", people: PEOPLE }]);
    const [one, two] = created as unknown as [Resource, Resource];
    await patch(
      path,
      { op: "remove", path: `members[value eq "${one.id}"]` },
      { op: "add", path: "members", value: [{ value: two.id, display: "x" }] },
    );
    expect(await rolesOf("okta%")).toEqual([
      { role: "-", people: 1 },
      { role: "analyst", people: PEOPLE - 1 },
    ]);
    const put = await ask("PUT", `/Users/${two.id}`, {
      ...profile("002"),
      id: two.id,
      displayName: "Changed",
    });
    expect(put.body).toMatchObject({ displayName: "Changed", active: true });
    const off = await ask("PUT", `/Users/${two.id}`, { ...profile("002", false), id: two.id });
    expect(off.body).toMatchObject({ displayName: "Okta 002", active: false });
    const again = await patch(`/Users/${two.id}`, { op: "replace", value: { active: true } });
    expect(again.body.active).toBe(true);
    // A password that a service sends is not kept: people come in by its sign-in.
    const kept = await env.PLATFORM_DB.prepare(
      `SELECT count(*) AS total FROM "account" WHERE "userId" = ? AND "password" IS NOT NULL`,
    )
      .bind(two.id)
      .first("total");
    expect(kept).toBe(0);
  });
});

describe("what the service says of itself", () => {
  it("has each schema and type by its id, and answers other methods with 405 and missing parts with 501", async () => {
    for (const kind of ["/Schemas", "/ResourceTypes"]) {
      const { Resources } = (await ask("GET", kind)).body;
      expect(Resources).toHaveLength(2);
      for (const one of Resources) {
        expect((await ask("GET", `${kind}/${encodeURIComponent(one.id)}`)).body).toEqual(one);
      }
      expect((await ask("GET", `${kind}/none`)).status).toBe(404);
    }
    for (const path of ["/Schemas", "/ServiceProviderConfig", "/ResourceTypes"]) {
      expect((await ask("POST", path, {})).status).toBe(405);
    }
    for (const path of ["/Bulk", "/Users/.search"]) expect((await ask("POST", path, {})).status).toBe(501);
  });

  it("answers with the attributes that are asked for", async () => {
    const { id } = (await ask("POST", "/Users", { userName: "chosen@corp.example", displayName: "Chosen" }))
      .body;
    const keys = async (query: string) =>
      Object.keys((await ask("GET", `/Users/${id}?${query}`)).body).sort();
    expect(await keys(`attributes=${URN}:User:displayName,emails.value`)).toEqual([
      "displayName",
      "emails",
      "id",
      "schemas",
    ]);
    expect(await keys("excludedAttributes=emails,id,meta,name")).toEqual([
      "active",
      "displayName",
      "id",
      "schemas",
      "userName",
    ]);
  });
});

describe("a person whose userName is no address", () => {
  it("is returned and found by it, signs in with the primary address, and no other person gets it", async () => {
    const emails = [{ value: "second@corp.example" }, { value: "Ada@corp.example", primary: true }];
    const { status, body } = await ask("POST", "/Users", { userName: "Corp\\ada.l", emails });
    expect([status, body.userName, body.emails]).toEqual([
      ...[201, "Corp\\ada.l"],
      [{ value: "ada@corp.example", primary: true, type: "work" }],
    ]);
    const find = async (filter: string) =>
      (await filtered("/Users", filter)).body.Resources.map(({ id }) => id);
    expect(await find('userName eq "corp\\\\ADA.L"')).toEqual([body.id]);
    expect(await find('userName eq "ada@corp.example"')).toEqual([]);
    expect(await find('emails.value eq "ada@corp.example"')).toEqual([body.id]);
    const twice = await ask("POST", "/Users", {
      ...{ userName: "CORP\\ada.l", emails: [{ value: "other@corp.example" }] },
    });
    expect([twice.status, twice.body]).toEqual([409, expect.objectContaining({ scimType: "uniqueness" })]);
    const before = `SELECT count(*) AS n FROM "user" WHERE "email" = 'other@corp.example'`;
    expect(await env.PLATFORM_DB.prepare(before).first("n")).toBe(0);
  });

  it("gets another address by PATCH of emails, and keeps its own name; one with an address as name keeps that", async () => {
    const change = async (id: string, operation: object) =>
      (await ask("PATCH", `/Users/${id}`, { schemas: [PATCH], Operations: [operation] })).body;
    const named = await ask("POST", "/Users", { userName: "E1001", emails: [{ value: "e1@corp.example" }] });
    const { id } = named.body;
    const addressOf = ({ emails }: { emails: { value: string }[] }) => emails.map(({ value }) => value);
    const work = await change(id, {
      op: "replace",
      path: 'emails[type eq "work"].value',
      value: "e2@corp.example",
    });
    expect([work.userName, addressOf(work)]).toEqual(["E1001", ["e2@corp.example"]]);
    const whole = await change(id, {
      op: "add",
      path: "emails",
      value: [{ value: "e3@corp.example", primary: true }],
    });
    expect(addressOf(whole)).toEqual(["e3@corp.example"]);
    const added = await change(id, {
      op: "add",
      value: { emails: [{ value: "e4@corp.example", type: "home" }] },
    });
    expect(addressOf(added)).toEqual(["e3@corp.example"]);
    expect(await change(id, { op: "remove", path: "emails" })).toMatchObject({ status: "400" });
    const renamed = await change(id, { op: "replace", path: "userName", value: "E1002" });
    expect([renamed.userName, addressOf(renamed)]).toEqual(["E1002", ["e3@corp.example"]]);
    const upn = await change(id, { op: "replace", path: "userName", value: "e5@corp.example" });
    expect([upn.userName, addressOf(upn)]).toEqual(["e5@corp.example", ["e5@corp.example"]]);
    const kept = await change(id, { op: "replace", path: "emails", value: [{ value: "e6@corp.example" }] });
    expect([kept.userName, addressOf(kept)]).toEqual(["e5@corp.example", ["e5@corp.example"]]);
  });
});

describe("the credential", () => {
  it.each([
    ["no credential", { authorization: "" }],
    ["another one", { authorization: `Bearer ${TOKEN}x` }],
    ["the beginning of it", { authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
    ["Basic", { authorization: `Basic ${btoa(`scim:${TOKEN}`)}` }],
  ])("is refused as %s", async (_what, headers) => {
    const { status, body } = await ask("GET", "/Users", undefined, headers);
    expect(status).toBe(401);
    expect(body.detail).toBe("The credential is wrong.");
  });

  it("cannot be guessed from one address", async () => {
    const headers = { authorization: "Bearer guess", "CF-Connecting-IP": "192.0.2.50" };
    const all = await Promise.all(Array.from({ length: 25 }, () => ask("GET", "/Users", undefined, headers)));
    expect(all.filter(({ status }) => status === 429)).toHaveLength(5);
  });

  it("opens what the service says of itself, and bad bodies get one sentence", async () => {
    expect((await ask("GET", "/ServiceProviderConfig")).body).toMatchObject({ patch: { supported: true } });
    expect((await ask("GET", "/ResourceTypes")).body.totalResults).toBe(2);
    expect((await ask("POST", "/Users", "{")).body).toMatchObject({
      status: "400",
      scimType: "invalidSyntax",
    });
    expect((await ask("POST", "/Users", { userName: "no address" })).body.detail).toContain(
      "must be an e-mail address",
    );
    expect((await ask("POST", "/Users", {}, { "content-type": "text/plain" })).status).toBe(415);
    expect((await ask("GET", "/Nothing")).status).toBe(404);
  });
});
