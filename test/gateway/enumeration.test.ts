import { createExecutionContext, env } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { overConnection } from "../../shared/encoding/platform-database.ts";
import { addLink, addressOfLink, createLink } from "../../shared/people/password-links.ts";
import { app } from "../../workers/gateway/app.ts";
import { openAuth } from "../../workers/gateway/sign-in/auth.ts";
import { createPerson, PASSWORD, type TestPerson } from "../support/oauth.ts";

/** What one request does: statements by their text, and how often a key is derived from a password. */
interface Work {
  status: number;
  text: string;
  cookies: string[];
  statements: string[];
  derived: number;
}

/** Sends a form to a Worker whose database and key derivation are counted. */
async function watch(path: string, fields: Record<string, string>, method = "POST"): Promise<Work> {
  const statements: string[] = [];
  const database = new Proxy(env.PLATFORM_DB, {
    get: (target, name) => {
      if (name === "prepare") {
        return (sql: string) => {
          // Read once in a while, whatever is asked.
          if (!sql.includes("policy_publication")) statements.push(sql.replaceAll(/\s+/g, " ").slice(0, 200));
          return target.prepare(sql);
        };
      }
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  const init = {
    method,
    headers: {
      ...{ Origin: env.PUBLIC_URL, "Sec-Fetch-Site": "same-origin", Accept: "text/html" },
      "CF-Connecting-IP": `192.0.2.${Math.floor(Math.random() * 250)}`,
    },
    ...(method === "POST" && { body: new URLSearchParams(fields) }),
  };
  const there = { ...env, PLATFORM_DB: database } as Env;
  const { password } = await openAuth(there).$context;
  const derivations = [vi.spyOn(password, "hash"), vi.spyOn(password, "verify")];
  const url = new URL(path, env.PUBLIC_URL);
  if (method === "GET") for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
  const answer = await app.fetch(new Request(url, init), there, createExecutionContext());
  const typed = Object.values(fields).filter((value) => value.includes("@"));
  const text = typed.reduce((page, value) => page.replaceAll(value, "…"), await answer.text());
  const derived = derivations.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  return { status: answer.status, text, cookies: answer.headers.getSetCookie(), statements, derived };
}

async function invited(): Promise<TestPerson> {
  const person = await createPerson("viewer");
  await env.PLATFORM_DB.prepare(`UPDATE "account" SET "password" = NULL WHERE "userId" = ?`)
    .bind(person.id)
    .run();
  return person;
}

async function keptOut(): Promise<TestPerson> {
  const person = await createPerson("viewer");
  await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`).bind(person.id).run();
  return person;
}

async function linkOf(person: TestPerson, ends: "open" | "ended"): Promise<string> {
  const { token, digest } = createLink();
  const link = { digest, kind: "reset", by: "test", at: ends === "open" ? Date.now() : 1 } as const;
  await overConnection(env.PLATFORM_DB).change(addLink(person.id, link));
  return new URL(addressOfLink(env.PUBLIC_URL, token)).searchParams.get("link") ?? "";
}

describe("a sign-in that is refused", () => {
  it("says the same and asks the database the same, whether a person has the address or not", async () => {
    const tries = [
      { email: "nobody@people.example", password: "wrong password" },
      { email: (await createPerson("viewer")).email, password: "wrong password" },
      { email: (await invited()).email, password: "wrong password" },
      { email: (await keptOut()).email, password: "wrong password" },
      { email: (await keptOut()).email, password: PASSWORD },
    ];
    const seen: Work[] = [];
    for (const fields of tries) seen.push(await watch("/sign-in", fields));
    for (const { status, text, cookies, derived } of seen) {
      expect([status, text, cookies, derived]).toEqual([401, seen[0]?.text, [], 1]);
    }
    // The last one knows the password, and learns no more than the others.
    for (const { statements } of seen.slice(0, -1)) expect(statements).toEqual(seen[0]?.statements);
    expect(seen[0]?.statements).toHaveLength(3);
  });
});

describe("a link that is refused", () => {
  it("says the same and asks the database the same, whether it was used, has ended or never was", async () => {
    const person = await createPerson("viewer");
    const links = ["0".repeat(64), await linkOf(person, "ended"), await linkOf(await keptOut(), "open")];
    for (const method of ["GET", "POST"]) {
      const seen: Work[] = [];
      for (const link of links) seen.push(await watch("/password", { link, new: PASSWORD }, method));
      for (const { status, text, cookies, statements } of seen) {
        expect([status, text, cookies, statements]).toEqual([404, seen[0]?.text, [], seen[0]?.statements]);
      }
      expect(seen[0]?.statements.some((sql) => sql.includes("password_link"))).toBe(true);
    }
  });
});
