import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { overConnection } from "../../shared/encoding/platform-database.ts";
import { setAccess } from "../../shared/people/change-person.ts";
import { setSignIn } from "../support/single-sign-on.ts";

const TOKEN = "test-only-scim-token-0123456789abcdef";
const PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";

interface Answer {
  status: number;
  body: ReturnType<typeof JSON.parse>;
}

async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await exports.default.fetch(new URL(`/scim/v2${path}`, env.PUBLIC_URL), {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/scim+json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text) };
}

const patch = (path: string, ...Operations: object[]) => ask("PATCH", path, { schemas: [PATCH], Operations });

let made = 0;
const create = (changes: Record<string, unknown> = {}) =>
  ask("POST", "/Users", { userName: `change${++made}@corp.example`, ...changes });

// No provider owns a domain here.
beforeAll(() => setSignIn({ providers: {}, provisioning: { roles: [] } }));

describe("one operation of a PATCH of a group", () => {
  /** Ids of three people; the first two are members. */
  const people: string[] = [];
  beforeAll(async () => {
    for (let index = 0; index < 3; index++) people.push((await create()).body.id);
  });
  const [A, B, C] = [0, 1, 2];
  const members = (...which: number[]) => which.map((index) => ({ value: `#${index}` }));
  const one = (index: number) => `members[value eq "#${index}"]`;

  it.each<[string, object, { members?: number[]; name?: string; external?: string | undefined }]>([
    ["add members", { op: "add", path: "members", value: members(C) }, { members: [A, B, C] }],
    ["add one member", { op: "add", path: "members", value: members(C)[0] }, { members: [A, B, C] }],
    ["add members without a path", { op: "add", value: { members: members(C) } }, { members: [A, B, C] }],
    ["add to the URN", { op: "add", path: `${GROUP}:members`, value: members(C) }, { members: [A, B, C] }],
    ["add no members without a path", { op: "add", value: { members: null } }, {}],
    ["replace members", { op: "replace", path: "members", value: members(C) }, { members: [C] }],
    ["replace members without a path", { op: "replace", value: { members: members(C) } }, { members: [C] }],
    ["replace members by none", { op: "replace", path: "members", value: [] }, { members: [] }],
    ["remove members", { op: "remove", path: "members" }, { members: [] }],
    ["remove listed members", { op: "remove", path: "members", value: members(A) }, { members: [B] }],
    ["remove the member", { op: "remove", path: one(A) }, { members: [B] }],
    ["remove the member of the URN", { op: "remove", path: `${GROUP}:${one(A)}` }, { members: [B] }],
    ["add displayName", { op: "add", path: "displayName", value: "New" }, { name: "New" }],
    ["add displayName without a path", { op: "add", value: { displayName: "New" } }, { name: "New" }],
    ["replace displayName", { op: "replace", path: "displayName", value: "New" }, { name: "New" }],
    ["replace displayName without a path", { op: "replace", value: { displayName: "New" } }, { name: "New" }],
    ["add externalId", { op: "add", path: "externalId", value: "y" }, { external: "y" }],
    ["replace externalId without a path", { op: "replace", value: { externalid: "y" } }, { external: "y" }],
    ["remove externalId", { op: "remove", path: "externalId" }, { external: undefined }],
    ["replace what is not kept", { op: "replace", value: { id: "1", schemas: [GROUP], "x:y": 1 } }, {}],
  ])("%s changes that and no more", async (_what, operation, expected) => {
    const { status, body } = await change(operation);
    expect(status).toBe(200);
    expect({
      members: body.members.map(({ value }: { value: string }) => value).sort(),
      name: body.displayName,
      external: body.externalId,
    }).toEqual({
      members: (expected.members ?? [A, B]).map((index) => people[index]).sort(),
      name: expected.name ?? "Before",
      external: "external" in expected ? expected.external : "x",
    });
  });

  it.each<[string, object, string]>([
    ["remove without a path", { op: "remove", value: { members: members(A) } }, "noTarget"],
    ["remove displayName", { op: "remove", path: "displayName", value: "New" }, "mutability"],
    ["replace members without a value", { op: "replace", path: "members" }, "invalidValue"],
    ["add no object without a path", { op: "add", value: "members" }, "invalidValue"],
    ["add a list without a path", { op: "add", value: members(C) }, "invalidValue"],
    ["replace one member", { op: "replace", path: one(A), value: members(C) }, "invalidPath"],
    [
      "remove by another filter",
      { op: "remove", path: 'members[value eq "#0" or value eq "#1"]' },
      "invalidPath",
    ],
  ])("%s is refused", async (_what, operation, scimType) => {
    const { status, body } = await change(operation);
    expect([status, body.scimType]).toEqual([400, scimType]);
  });

  /** Sends the operation to a group of the first two people. */
  async function change(operation: object): Promise<Answer> {
    const named = <Value>(value: Value): Value =>
      JSON.parse(JSON.stringify(value).replace(/#(\d)/g, (_, index) => people[index] ?? ""));
    const { body } = await ask(
      "POST",
      "/Groups",
      named({ displayName: "Before", externalId: "x", members: members(A, B) }),
    );
    const answer = await patch(`/Groups/${body.id}`, named(operation));
    expect((await ask("DELETE", `/Groups/${body.id}`)).status).toBe(204);
    return answer;
  }
});

describe("one operation of a PATCH of a person", () => {
  const BEFORE = { displayName: "Before", externalId: "x", active: true };
  const change = async (operation: object): Promise<Answer> =>
    await patch(`/Users/${(await create(BEFORE)).body.id}`, operation);

  it.each<[string, object, Partial<Record<keyof typeof BEFORE, unknown>>]>([
    ["add displayName", { op: "add", path: "displayName", value: "New" }, { displayName: "New" }],
    ["add displayName without a path", { op: "add", value: { displayName: "New" } }, { displayName: "New" }],
    [
      "replace displayName of the URN",
      { op: "replace", path: "urn:ietf:params:scim:schemas:core:2.0:User:displayName", value: "New" },
      { displayName: "New" },
    ],
    [
      "replace name.formatted",
      { op: "replace", path: "name.formatted", value: "New" },
      { displayName: "New" },
    ],
    ["replace name", { op: "replace", path: "name", value: { formatted: "New" } }, { displayName: "New" }],
    ["add name without a path", { op: "add", value: { name: { formatted: "New" } } }, { displayName: "New" }],
    [
      "replace both names",
      { op: "replace", value: { displayName: "New", name: { formatted: "N" } } },
      { displayName: "New" },
    ],
    ["replace name.familyName", { op: "replace", path: "name.familyName", value: "New" }, {}],
    ["remove displayName", { op: "remove", path: "displayName" }, {}],
    ["add externalId", { op: "add", path: "externalId", value: "y" }, { externalId: "y" }],
    ["replace externalId without a path", { op: "replace", value: { externalId: "y" } }, { externalId: "y" }],
    ["remove externalId", { op: "remove", path: "externalId" }, { externalId: undefined }],
    [
      "replace externalId by null",
      { op: "replace", path: "externalId", value: null },
      { externalId: undefined },
    ],
    ["add active", { op: "add", path: "active", value: false }, { active: false }],
    ["replace active without a path", { op: "replace", value: { active: "False" } }, { active: false }],
    ["replace what is not kept", { op: "replace", value: { id: "1", title: "x", "x:y": 1 } }, {}],
  ])("%s changes that and no more", async (_what, operation, expected) => {
    const { status, body } = await change(operation);
    expect(status).toBe(200);
    const { displayName, externalId, active } = body;
    expect({ displayName, externalId, active }).toEqual({ ...BEFORE, ...expected });
  });

  it.each<[string, object, string]>([
    ["remove without a path", { op: "remove", value: { active: true } }, "noTarget"],
    ["remove userName", { op: "remove", path: "userName" }, "mutability"],
    ["remove active", { op: "remove", path: "active", value: false }, "mutability"],
    ["replace active by null", { op: "replace", path: "active", value: null }, "invalidValue"],
    ["replace active by a number", { op: "replace", path: "active", value: 0 }, "invalidValue"],
    ["replace externalId by a number", { op: "replace", path: "externalId", value: 5 }, "invalidValue"],
    ["replace displayName by a list", { op: "replace", path: "displayName", value: ["x"] }, "invalidValue"],
    ["replace userName by nothing", { op: "replace", path: "userName", value: "" }, "invalidValue"],
    ["add a list without a path", { op: "add", value: [] }, "invalidValue"],
  ])("%s is refused", async (_what, operation, scimType) => {
    const { status, body } = await change(operation);
    expect([status, body.scimType]).toEqual([400, scimType]);
  });
});

describe("several operations of one PATCH of a group", () => {
  it("are carried out in their order and together, or not at all", async () => {
    const people = await Promise.all([create(), create(), create()]);
    const [one, two, three] = people.map(({ body }) => String(body.id));
    const members = [{ value: one }];
    const { body: group } = await ask("POST", "/Groups", { displayName: `together ${++made}`, members });
    const patch = (...Operations: object[]) => ask("PATCH", `/Groups/${group.id}`, { Operations });
    const refused = await patch(
      { op: "add", path: "members", value: [{ value: two }] },
      { op: "replace", path: "displayName", value: "renamed" },
      { op: "add", path: 'members[type eq "x"]', value: [{ value: three }] },
    );
    expect(refused.status).toBe(400);
    const after = (await ask("GET", `/Groups/${group.id}`)).body;
    expect([after.displayName, after.members.map(({ value }: { value: string }) => value)]).toEqual([
      group.displayName,
      [one],
    ]);
    const { body } = await patch(
      { op: "replace", path: "members", value: [{ value: two }] },
      { op: "add", path: "members", value: [{ value: one }, { value: three }] },
      { op: "remove", path: `members[value eq "${two}"]` },
      { op: "remove", path: "members", value: [{ value: three }] },
      { op: "add", path: "members", value: { value: three } },
    );
    const now = body.members.map(({ value }: { value: string }) => value).sort();
    expect(now).toEqual([one, three].sort());
  });

  it("with the name of another group change neither name nor members", async () => {
    const { body: other } = await ask("POST", "/Groups", { displayName: `other ${++made}` });
    const { body: group } = await ask("POST", "/Groups", { displayName: `own ${++made}` });
    const { body: person } = await create();
    const answer = await ask("PUT", `/Groups/${group.id}`, {
      ...{ displayName: other.displayName, members: [{ value: person.id }] },
    });
    expect(answer.status).toBe(409);
    expect((await ask("GET", `/Groups/${group.id}`)).body).toMatchObject({
      ...{ displayName: group.displayName, members: [] },
    });
  });
});

describe("a group of 50,000 members", () => {
  it("is created, replaced and changed with bound values that D1 takes, however long the ids are", async () => {
    const statement = Object.getPrototypeOf(env.PLATFORM_DB.prepare("SELECT 1")) as D1PreparedStatement;
    const bind = vi.spyOn(statement, "bind");
    const person = (await create()).body.id;
    // All ids together are longer than one bound value of D1 may be.
    const members = Array.from({ length: 50_000 }, (_, index) => ({
      value: String(index).padStart(50, "0"),
    }));
    members[49_999] = { value: person };
    const { status, body } = await ask("POST", "/Groups", { displayName: "Large", members });
    expect([status, body.members?.length]).toEqual([201, 1]);
    const path = `/Groups/${body.id}`;
    expect((await ask("PUT", path, { displayName: "Large", members: [] })).body.members).toEqual([]);
    expect((await ask("PUT", path, { displayName: "Large", members })).body.members).toHaveLength(1);
    const removed = await patch(path, { op: "remove", path: "members", value: members });
    expect([removed.status, removed.body.members]).toEqual([200, []]);
    const lengths = bind.mock.calls.flat().map((value) => String(value).length);
    bind.mockRestore();
    expect(lengths.filter((length) => length > 100_000)).not.toEqual([]);
    expect(lengths.filter((length) => length > 2_000_000)).toEqual([]);
    await ask("DELETE", path);
  });
});

describe("a person who is created", () => {
  it("is there whole or not at all, so that the request can be repeated", async () => {
    const userName = "repeated@corp.example";
    await env.PLATFORM_DB.prepare(
      "CREATE TRIGGER stop_scim BEFORE INSERT ON scim_user BEGIN SELECT RAISE(ABORT, 'away'); END",
    ).run();
    expect((await create({ userName })).status).toBe(503);
    await env.PLATFORM_DB.prepare("DROP TRIGGER stop_scim").run();
    const { status, body } = await create({ userName, active: false });
    expect([status, body.userName, body.active]).toEqual([201, userName, false]);
  });

  it("by several requests at once is created by one, and the others get 409", async () => {
    const userName = "at-once@corp.example";
    const all = await Promise.all(Array.from({ length: 4 }, () => create({ userName })));
    expect(all.map(({ status, body }) => [status, body.scimType]).sort()).toEqual([
      [201, undefined],
      [409, "uniqueness"],
      [409, "uniqueness"],
      [409, "uniqueness"],
    ]);
  });

  it("or renamed or moved at once with another one to the same name gets 409", async () => {
    const people = await Promise.all([create(), create()]);
    const userName = "same@corp.example";
    const moved = await Promise.all(people.map(({ body }) => ask("PUT", `/Users/${body.id}`, { userName })));
    expect(moved.map(({ status }) => status).sort()).toEqual([200, 409]);
    const displayName = "Same";
    const added = await Promise.all([1, 2].map(() => ask("POST", "/Groups", { displayName })));
    expect(added.map(({ status }) => status).sort()).toEqual([201, 409]);
    const groups = await Promise.all(["A", "B"].map((name) => ask("POST", "/Groups", { displayName: name })));
    const renamed = await Promise.all(
      groups.map(({ body }) => ask("PUT", `/Groups/${body.id}`, { displayName: "Both" })),
    );
    expect(renamed.map(({ status }) => status).sort()).toEqual([200, 409]);
  });
});

describe("a person who was removed", () => {
  const count = (sql: string, id: string) => env.PLATFORM_DB.prepare(sql).bind(id).first("total");

  it("is provisioned again, with the role of their groups and without any way in of before", async () => {
    setSignIn({ providers: {}, provisioning: { roles: [{ role: "sales", when: { groups: ["Again"] } }] } });
    const { id, userName } = (await create()).body;
    const { body: group } = await ask("POST", "/Groups", { displayName: "Again", members: [{ value: id }] });
    const role = () =>
      env.PLATFORM_DB.prepare(`SELECT "role" FROM "user" WHERE "id" = ?`).bind(id).first("role");
    expect(await role()).toBe("sales");
    await env.PLATFORM_DB.batch([
      env.PLATFORM_DB.prepare("INSERT INTO federated_identity VALUES ('https://issuer', ?1, ?1, 1, 1)").bind(
        id,
      ),
      env.PLATFORM_DB.prepare(
        "INSERT INTO passkey (id, user_id, name, public_key, counter, transports, created_at) VALUES (?1, ?1, 'x', 'x', 0, '[]', 1)",
      ).bind(id),
    ]);
    expect((await ask("DELETE", `/Users/${id}`)).status).toBe(204);
    const again = await create({ userName, displayName: "Again", externalId: "again" });
    expect([again.status, again.body]).toEqual([
      201,
      expect.objectContaining({ id, userName, displayName: "Again", externalId: "again", active: true }),
    ]);
    expect(await role()).toBe("-");
    expect(await count("SELECT count(*) AS total FROM passkey WHERE user_id = ?", id)).toBe(0);
    expect(await count("SELECT count(*) AS total FROM federated_identity WHERE user_id = ?", id)).toBe(0);
    await patch(`/Groups/${group.id}`, { op: "add", path: "members", value: [{ value: id }] });
    expect(await role()).toBe("sales");
    expect((await create({ userName })).status).toBe(409);
  });

  it("stays out when the body says so", async () => {
    const { id, userName } = (await create()).body;
    await ask("DELETE", `/Users/${id}`);
    expect((await create({ userName, active: false })).body).toMatchObject({ id, active: false });
  });

  it("and was let in again by hand is not taken over", async () => {
    const { id, userName } = (await create()).body;
    await ask("DELETE", `/Users/${id}`);
    for (const disabled of [false, true]) {
      await setAccess(overConnection(env.PLATFORM_DB), id, disabled, "tester");
      expect((await create({ userName })).body).toMatchObject({ status: "409", scimType: "uniqueness" });
    }
  });
});
