import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, it } from "vitest";

const ROOT = path.join(import.meta.dirname, "../..");

function run(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/policy.ts", ...args], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  return { status, output: stdout + stderr };
}

it("policy check and test accept the bundled policy", () => {
  expect(run("check")).toEqual({ status: 0, output: "✓ shared/policy/policy.yaml is valid.\n" });
  expect(run("test").output).toMatch(/^✓ \d+ cases pass\.$/m);
});

it("policy check ends with 1 and a message when the file does not exist", () => {
  const { status, output } = run("check", "--file", "no/such/policy.yaml");
  expect(status).toBe(1);
  expect(output).toContain("no/such/policy.yaml cannot be read");
});

it("policy explain names the deciding rule, its place and its reason", () => {
  const policy = readFileSync(path.join(ROOT, "shared/policy/policy.yaml"), "utf8");
  const line = policy.slice(0, policy.indexOf("name: book-won-deals")).split("\n").length;
  const { output } = run(
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
])("policy explain %j names the missing option", (args, message) => {
  const { status, output } = run("explain", ...args);
  expect(status).toBe(1);
  expect(output).toContain(message);
});

it("policy check warns of a rule for workloads whose service account is not there, and refuses one that names none", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "gatehouse-workloads-"));
  const file = path.join(folder, "policy.yaml");
  const policy = readFileSync(path.join(ROOT, "shared/policy/policy.yaml"), "utf8");
  const rule = (account: string) =>
    `\nsign_in: { workloads: { forge: { issuer: "https://forge.example", rules: [{ ${account}when: { sub: [a] } }] } } }\n`;
  try {
    writeFileSync(file, policy + rule("account: key_000000000000000000000000, "));
    const lost = run("check", "--file", file, "--state", path.join(folder, "state"));
    expect(lost.status).toBe(0);
    expect(lost.output).toContain("! The service accounts of sign_in.workloads were not looked up");
    writeFileSync(file, policy + rule(""));
    const none = run("check", "--file", file);
    expect(none.status).toBe(1);
    expect(none.output).toContain("sign_in.workloads.forge.rules[0].account");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
