import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROOT } from "../../scripts/local/root.ts";
import { type LocalStorage, makeLocalStorage } from "../support/local-storage.ts";

let storage: LocalStorage;
let draft = "";

const run = (...args: string[]) => storage.runPolicy(args);

beforeAll(async () => {
  storage = await makeLocalStorage();
  draft = path.join(storage.folder, "draft.yaml");
  const policy = await readFile(path.join(ROOT, "shared/policy/policy.yaml"), "utf8");
  await writeFile(
    draft,
    policy
      .replace(
        "denied_tools: [analytics_sql, demoshop_query]",
        'denied_tools: [analytics_sql, demoshop_query, "crm_find_contacts"]',
      )
      .replace("\nroles:", "\ntool_limits: { analytics_sql: { calls_per_minute: 60 } }\n\nroles:"),
  );
});

afterAll(() => storage.remove());

it("policy diff, publish, versions and rollback are consistent", async () => {
  const difference = await run("diff", "--file", draft);
  expect(difference.code).toBe(0);
  expect(difference.output).toContain(`version 1 → ${draft}`);
  expect(difference.output).toContain("~ limit of analytics_sql for all users together: none → 60");
  expect(difference.output).toContain("viewer\n  - tool crm_find_contacts: allow → deny");

  const published = await run("publish", "--file", draft, "--by", "ada", "--note", "less; that's all");
  expect(published.output).toContain("✓ Version 2 is in force in local within 30 seconds.");
  expect((await run("publish", "--file", draft)).output).toContain("is in force already");

  expect((await run("publish", "--version", "1")).output).toContain("It replaces version 2.");
  const { output } = await run("versions");
  expect(output.split("\n")[0]).toMatch(/^\* version 1 /);
  expect(output.split("\n")[1]).toMatch(/^ {2}version 2 .* ada {2}less; that's all$/);
  // Each command starts wrangler two or three times.
}, 300_000);

it.each([
  [["publish", "--version", "9"], "There is no version 9."],
  [["publish", "--version", "two"], '"two" is no version.'],
  [["publish", "--note", "two\nlines"], "--note must be one line"],
  [["simulate", "--days", "soon"], "--days soon is no number of days."],
  [["versions", "--env", "moon"], "--env must be one of"],
])("policy %j ends with 1 and an error", async (args, message) => {
  const { code, output } = await run(...args);
  expect(code).toBe(1);
  expect(output).toContain(message);
});
