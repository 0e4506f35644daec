import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
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
