import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runNode } from "../../scripts/local/process.ts";
import { ROOT } from "../../scripts/local/root.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-answers-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a command with an impossible request", () => {
  it.each([
    ["people", ["add"], "--email is missing."],
    [
      "people",
      ["role", "--email", "ada@example.com", "--role", "king", "--state", "none"],
      "no local storage in none",
    ],
    ["audit", ["verify", "no-such-file.jsonl"], "no-such-file.jsonl cannot be read."],
    ["audit", ["verify", "package.json"], "package.json is no export of the audit trail."],
    ["demo", ["--foo"], "demo does not take --foo."],
    ["bench", ["sessions", "--foo"], "bench sessions does not take --foo."],
    ["bench", ["sessions", "--sessions", "many"], "--sessions many is not possible."],
    ["bench", ["hostile", "--inputs", "0"], "--inputs 0 is not possible."],
    ["audit", ["export", "--from", "2026-04-01", "--to", "2026-03-01"], "--from must be before --to."],
  ])("%s %j prints the reason and the remedy, without a stack", async (script, args, sentence) => {
    const { code, stdout, stderr } = await runNode(`scripts/${script}.ts`, args, {
      env: { WRANGLER_SEND_METRICS: "false" },
    });
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain(sentence);
    expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(3);
    expect(stderr).not.toMatch(/ {4}at |Invalid input|undefined|NaN/);
  });

  it.each([
    ["people", ["list"]],
    ["kb-import", ["docs"]],
  ])("%s creates no storage under a mistyped name", async (script, args) => {
    const mistyped = path.join(folder, "mistyped");
    const { stderr } = await runNode(`scripts/${script}.ts`, [...args, "--state", mistyped]);
    expect(stderr).toContain(`npm start -- --state ${mistyped}`);
    expect(existsSync(mistyped)).toBe(false);
  });
});

describe("a command whose output pipe was closed", () => {
  it("ends silently", async () => {
    const child = spawn(process.execPath, ["scripts/people.ts", "--help"], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.destroy();
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect(said).toBe("");
    expect(code).toBe(141);
  });
});
