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
});
