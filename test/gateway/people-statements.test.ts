import { env } from "cloudflare:workers";
import { hashPassword } from "better-auth/crypto";
import { describe, expect, it } from "vitest";
import { quoteText } from "../../shared/encoding/quote-text.ts";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { withdrawLinks } from "../../shared/people/password-links.ts";
import {
  addPeople,
  addPerson,
  findByEmail,
  moveToEmail,
  setDisabled,
  setPassword,
  setRole,
} from "../../shared/people/statements.ts";
import { signIn } from "../support/oauth.ts";

const AT = "2026-11-01T00:00:00.000Z";

/** Runs a file of statements as `wrangler d1 execute --file` does. */
async function run(sql: string): Promise<void> {
  const statements = sql.split(";\n").map((text) => env.PLATFORM_DB.prepare(text.replace(/;$/, "")));
  await env.PLATFORM_DB.batch(statements);
}

async function add(email: string, name = "Somebody", password = "first password here") {
  const id = crypto.randomUUID();
  const passwordHash = await hashPassword(password);
  await run(
    addPerson({ id, accountId: crypto.randomUUID(), email, name, role: "viewer", passwordHash, at: AT }),
  );
}

const find = async (email: string) => (await env.PLATFORM_DB.prepare(findByEmail(email)).all()).results;

const names = (index: number) => `p${index}@many.example`;

describe("the statements of an import", () => {
  it.each([
    [
      "that say who added people",
      addPeople(
        [0, 1, 2].map((index) => ({
          ...{ id: `many-${index}`, accountId: `of-many-${index}`, email: names(index), name: "Many" },
          ...{ role: "viewer", passwordHash: null, at: AT },
        })),
        "me",
      ),
    ],
    [
      "that withdraw links",
      withdrawLinks([0, 1, 2].map((index) => ({ user: names(index), mark: `mark-${index}` }))),
    ],
  ])("%s read the open requests of these people, not all", async (_name, sql) => {
    const update = splitStatements(sql).find((text) => text.startsWith("UPDATE admin_request")) ?? "";
    const { results } = await env.PLATFORM_DB.prepare(`EXPLAIN QUERY PLAN ${update}`).all<{
      detail: string;
    }>();
    const reads = results.map(({ detail }) => detail).filter((detail) => detail.includes("admin_request"));
    expect(reads).toEqual(["SEARCH admin_request USING INDEX admin_request_open_of (user_id=?)"]);
  });
});

describe("the statements of the people command", () => {
  it("add a user who can sign in", async () => {
    await add("ada@people.example", "Ada");
    await signIn({ email: "ada@people.example" }, "first password here");
    expect(await find("ada@people.example")).toEqual([
      { email: "ada@people.example", name: "Ada", role: "viewer", disabled: 0 },
    ]);
  });

  it("accept any name", async () => {
    const name = `Robert'); DROP TABLE "user";-- O'Neil ''`;
    await add("bobby@people.example", name);
    expect((await find("bobby@people.example"))[0]?.name).toBe(name);
    expect(() => quoteText("a\u0000b")).toThrow("control characters");
  });

  it("change the role, and the password with all sessions", async () => {
    await add("cy@people.example");
    const before = await signIn({ email: "cy@people.example" }, "first password here");
    await run(setRole("cy@people.example", "sales", AT));
    expect((await find("cy@people.example"))[0]?.role).toBe("sales");
    await run(setPassword("cy@people.example", await hashPassword("second password here"), AT));
    expect((await before.get("/account")).status).toBe(303);
    await expect(signIn({ email: "cy@people.example" }, "first password here")).rejects.toThrow("401");
    await signIn({ email: "cy@people.example" }, "second password here");
  });

  it("disable and enable", async () => {
    await add("di@people.example");
    await run(setDisabled("di@people.example", true, AT));
    await expect(signIn({ email: "di@people.example" }, "first password here")).rejects.toThrow("401");
    await run(setDisabled("di@people.example", false, AT));
    await signIn({ email: "di@people.example" }, "first password here");
  });

  it("reach a person by id after the address moved to another one", async () => {
    await add("gil@people.example");
    const row = await env.PLATFORM_DB.prepare(
      `SELECT "id" FROM "user" WHERE "email" = 'gil@people.example'`,
    ).first<{
      id: string;
    }>();
    const id = row?.id ?? "";
    await run(moveToEmail(id, { email: "gil.new@people.example", name: "Gil", at: AT }));
    await add("gil@people.example");
    await run(setRole(id, "sales", AT));
    await run(setDisabled(id, true, AT));
    expect((await find("gil.new@people.example"))[0]).toMatchObject({ role: "sales", disabled: 1 });
    expect((await find("gil@people.example"))[0]).toMatchObject({ role: "viewer", disabled: 0 });
  });

  it("change no other user", async () => {
    await add("ed@people.example");
    await add("flo@people.example");
    await run(setDisabled("ed@people.example", true, AT));
    expect((await find("flo@people.example"))[0]?.disabled).toBe(0);
  });
});
