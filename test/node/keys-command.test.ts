import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KEYS } from "../../scripts/keys.ts";
import { isWellFormedKey } from "../../shared/auth/access-key.ts";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { addPerson } from "../../shared/people/statements.ts";
import { type LocalStorage, makeLocalStorage } from "../support/local-storage.ts";

let storage: LocalStorage;

const run = (...args: string[]) => storage.run(KEYS, args);
const inPlatform: LocalStorage["inPlatform"] = (work) => storage.inPlatform(work);

beforeAll(async () => {
  storage = await makeLocalStorage();
  const person = { id: "ada", accountId: "a1", email: "ada@example.com", name: "Ada", role: "analyst" };
  const sql = addPerson({ ...person, passwordHash: "x", at: "2026-11-01T00:00:00.000Z" });
  await inPlatform((database) => database.batch(splitStatements(sql).map((text) => database.prepare(text))));
});

afterAll(() => storage.remove());

const CREATE = ["create", "--email", "ada@example.com", "--name", "Report; it's", "--path", "/mcp/analytics"];

describe("npm run keys", () => {
  it("makes, lists, rotates and revokes a key, and the database holds no secret", async () => {
    const made = await run(
      ...CREATE,
      "--scope",
      "analytics:read",
      "--tool",
      "analytics_*",
      "--network",
      "203.0.113.0/24",
    );
    expect(made.code, made.output).toBe(0);
    const [first = ""] = /gatehouse_key_[0-9A-Za-z]{49}/.exec(made.output) ?? [];
    expect(isWellFormedKey(first)).toBe(true);
    const [id = ""] = /key_[0-9a-f]{24}/.exec(made.output) ?? [];

    const list = await run("list", "--email", "ADA@example.com");
    expect(list.output).toContain(id);
    expect(list.output).toContain("Report; it's");
    expect(list.output).toContain("/mcp/analytics; analytics:read; tools analytics_*; from 203.0.113.0/24");
    expect(list.output).toContain("not used yet");
    expect(list.output).not.toContain(first);

    const rotated = await run("rotate", "--id", id, "--overlap", "2");
    const [second = ""] = /gatehouse_key_[0-9A-Za-z]{49}/.exec(rotated.output) ?? [];
    expect(isWellFormedKey(second)).toBe(true);
    expect(rotated.output).toContain("works 2 hours longer");
    expect((await run("list")).output).toContain("an earlier secret works until");

    const revoked = await run("revoke", "--id", id);
    expect(revoked.output).toContain(`Revoked ${id}`);
    expect((await run("list")).output).toContain("0 keys");
    const stored = await inPlatform(async (database) => {
      const requests = await database.prepare("SELECT * FROM admin_request WHERE kind = 'key_change'").all();
      const secrets = await database.prepare("SELECT count(*) AS total FROM access_key_secret").first();
      return { requests: requests.results, secrets };
    });
    expect(stored.secrets).toEqual({ total: 0 });
    expect(stored.requests.map(({ user_id }) => user_id)).toEqual(["ada", "ada", "ada"]);
    for (const secret of [first, second]) expect(JSON.stringify(stored)).not.toContain(secret.slice(18));
    // Each command opens the databases once.
  }, 300_000);

  it.each([
    [["create"], "--email is missing."],
    [["create", "--email", "bob@example.com"], "No person has the address bob@example.com."],
    [[...CREATE], "--scope: Choose at least one permission."],
    [[...CREATE, "--scope", "analytics:read", "--days", "366"], "--days: A key lives 365 days at most."],
    [[...CREATE, "--scope", "analytics:read", "--path", "https://x/mcp"], "is no path of an MCP address."],
    [["rotate", "--id", "key_x"], 'No key has the id "key_x".'],
    [["revoke"], "--id is missing."],
    [["sing"], 'There is no command "sing".'],
  ])("%j prints the reason, without a stack", async (args, sentence) => {
    const { code, output } = await run(...args);
    expect(code).toBe(1);
    expect(output).toContain(sentence);
    expect(output).not.toMatch(/ {4}at |undefined|NaN/);
  });
});
