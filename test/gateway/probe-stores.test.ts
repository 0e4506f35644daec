import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { app } from "../../workers/gateway/app.ts";
import { REQUIRED_TABLES } from "../../workers/gateway/health/probe-stores.ts";

/** Kept for the previous release; unused. */
const RETIRED = ["call_log", "d1_migrations"];

const DATABASES = Object.keys(REQUIRED_TABLES) as (keyof Env)[];

/** The tables of a database without the internal tables of full text. */
async function listTables(binding: keyof Env): Promise<string[]> {
  const { results } = await (env[binding] as D1Database)
    .prepare(
      `SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
          AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'`,
    )
    .all<{ name: string; sql: string | null }>();
  const indexes = results.filter(({ sql }) => /^CREATE VIRTUAL TABLE.*USING fts5\b/is.test(sql ?? ""));
  const own = new Set(
    indexes.flatMap(({ name }) =>
      ["data", "idx", "content", "docsize", "config"].map((part) => `${name}_${part}`),
    ),
  );
  return results
    .map(({ name }) => name)
    .filter((name) => !own.has(name) && !RETIRED.includes(name))
    .sort();
}

async function failing(): Promise<string[]> {
  const request = new Request(new URL("/ready", env.PUBLIC_URL));
  const response = await app.fetch(request, { ...env }, createExecutionContext());
  return (await response.json<{ failing?: string[] }>()).failing ?? [];
}

describe("/ready", () => {
  it.each(DATABASES)("probes every table of %s that the migrations create", async (binding) => {
    expect([...(REQUIRED_TABLES[binding] ?? [])].sort()).toEqual(await listTables(binding));
  });

  it("names no store while all work", async () => {
    expect(await failing()).toEqual([]);
  });

  it.each([
    ["CRM_DB", "deals"],
    ["KNOWLEDGE_DB", "passages"],
    ["PLATFORM_DB", "audit_checkpoint"],
    ["ANALYTICS_DB", "daily_totals"],
  ] as const)("names %s when its table %s is missing", async (binding, table) => {
    // Simulates a damaged schema: SQLite's own rename would update dependent objects.
    const rename = (from: string, to: string) =>
      env[binding].batch([
        env[binding].prepare("PRAGMA legacy_alter_table = ON"),
        env[binding].prepare(`ALTER TABLE ${from} RENAME TO ${to}`),
      ]);
    await rename(table, "damaged");
    expect(await failing()).toContain(binding);
    await rename("damaged", table);
    expect(await failing()).toEqual([]);
  });

  it("names MEDIA when a stored picture has no file", async () => {
    const at = new Date().toISOString();
    await env.KNOWLEDGE_DB.batch([
      env.KNOWLEDGE_DB.prepare(
        "INSERT INTO collections (id, slug, title, created_at, created_by) VALUES (9001, 'pictures', 'Pictures', ?, 'user')",
      ).bind(at),
      env.KNOWLEDGE_DB.prepare(
        `INSERT INTO media (slug, collection_id, hash, title, mime_type, bytes, created_at, created_by, created_by_name)
         VALUES ('plan', 9001, 'feed', 'Plan', 'image/png', 4, ?, 'user', 'User')`,
      ).bind(at),
    ]);
    expect(await failing()).toEqual(["MEDIA"]);
    await env.MEDIA.put("feed", "plan");
    expect(await failing()).toEqual([]);
  });
});
