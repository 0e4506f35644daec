import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { runMaintenance } from "../../workers/gateway/maintenance.ts";
import { createPerson, signIn } from "../support/oauth.ts";

const count = async (table: string) =>
  (await env.PLATFORM_DB.prepare(`SELECT count(*) AS total FROM "${table}"`).first<{ total: number }>())
    ?.total;

describe("maintenance", () => {
  it("removes ended sessions and keeps the others", async () => {
    const person = await createPerson("viewer");
    const ended = await signIn(person);
    await env.PLATFORM_DB.prepare(`UPDATE "session" SET "expiresAt" = '2020-01-01T00:00:00.000Z'`).run();
    const living = await signIn(person);
    await runMaintenance(env);
    expect(await count("session")).toBe(1);
    expect((await living.get("/account")).status).toBe(200);
    expect((await ended.get("/account")).status).toBe(303);
  });

  it("removes all outcomes of writes that are too old, however many, and keeps the others", async () => {
    const insert = (from: number, rows: number, at: number) =>
      env.PLATFORM_DB.prepare(
        `WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 + ?2 - 1)
         INSERT INTO connection_write SELECT 'user_a', 'shop', 'key-' || i, 't', 'd', 's', 'c', 'x', 0, ?3 FROM n`,
      ).bind(from, rows, at);
    await env.PLATFORM_DB.batch([
      insert(0, 2_500, Date.now() - 8 * 86_400_000),
      insert(9_000, 3, Date.now()),
    ]);
    await runMaintenance(env);
    expect(await count("connection_write")).toBe(3);
  });
});
