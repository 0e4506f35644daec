import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { POLICY } from "../../scripts/policy.ts";
import { runCommand } from "../support/command-in-process.ts";

const ROOT = path.join(import.meta.dirname, "../..");

const run = (...args: string[]) => runCommand(POLICY, args);

it("policy check and test accept the bundled policy", async () => {
  expect(await run("check")).toMatchObject({ code: 0, output: "✓ shared/policy/policy.yaml is valid.\n" });
  expect((await run("test")).output).toMatch(/^✓ \d+ cases pass\.$/m);
});

it("policy check ends with 1 and a message when the file does not exist", async () => {
  const { code, output } = await run("check", "--file", "no/such/policy.yaml");
  expect(code).toBe(1);
  expect(output).toContain("no/such/policy.yaml cannot be read");
});

it("policy explain names the deciding rule, its place and its reason", async () => {
  const policy = readFileSync(path.join(ROOT, "shared/policy/policy.yaml"), "utf8");
  const line = policy.slice(0, policy.indexOf("name: book-won-deals")).split("\n").length;
  const { output } = await run(
    "explain",
    "--role",
    "sales",
    "--tool",
    "crm_move_deal",
    "--args",
    '{"stage":"won"}',
  );
  expect(output).toContain("approval\n");
  expect(output).toContain(`roles.sales.require_approval.book-won-deals (shared/policy/policy.yaml:${line})`);
  expect(output).toContain("signed contract");
});

it.each([
  [["--role", "sales"], "Name a tool"],
  [["--tool", "search"], "--role or --user is missing"],
  [["--role", "sales", "--tool", "search", "--args", "[1]"], "--args is not a JSON object"],
])("policy explain %j names the missing option", async (args, message) => {
  const { code, output } = await run("explain", ...args);
  expect(code).toBe(1);
  expect(output).toContain(message);
});

it("policy check warns of a rule for workloads whose service account is not there, and refuses one that names none", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "gatehouse-workloads-"));
  const file = path.join(folder, "policy.yaml");
  const policy = readFileSync(path.join(ROOT, "shared/policy/policy.yaml"), "utf8");
  const rule = (account: string) =>
    `\nsign_in: { workloads: { forge: { issuer: "https://forge.example", rules: [{ ${account}when: { sub: [a] } }] } } }\n`;
  try {
    writeFileSync(file, policy + rule("account: key_000000000000000000000000, "));
    const lost = await run("check", "--file", file, "--state", path.join(folder, "state"));
    expect(lost.code).toBe(0);
    expect(lost.output).toContain("! The service accounts of sign_in.workloads were not looked up");
    writeFileSync(file, policy + rule(""));
    const none = await run("check", "--file", file);
    expect(none.code).toBe(1);
    expect(none.output).toContain("sign_in.workloads.forge.rules[0].account");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
