import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const ROOT = path.join(import.meta.dirname, "../..");

/** A code block of the README with its file. */
interface Block {
  file: string;
  code: string;
}

/** The blocks of the chapter «Add a server in five minutes», in their order. */
function readExample(): Block[] {
  const readme = readFileSync(path.join(ROOT, "README.md"), "utf8");
  const chapter = readme.split(/^## /m).find((text) => text.startsWith("Add a server")) ?? "";
  return [...chapter.matchAll(/^```\w+ title="([^"]+)"\n([\s\S]*?)^```$/gm)].map(
    ([, file = "", code = ""]) => ({
      file,
      code,
    }),
  );
}

/** Applies a block as a reader does: writes a new file, or inserts lines into an existing one. */
function apply(project: string, { file, code }: Block): void {
  const target = path.join(project, file);
  if (file === "workers/servers.ts") {
    const lines = code.trimEnd().split("\n");
    const imports = lines.filter((line) => line.startsWith("import "));
    const entries = lines.filter((line) => !line.startsWith("import "));
    const source = readFileSync(target, "utf8").replace(/^\];$/m, `${entries.join("\n")}\n];`);
    writeFileSync(target, `${imports.join("\n")}\n${source}`);
  } else {
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, code);
  }
}

let project: string;

beforeAll(() => {
  project = mkdtempSync(path.join(tmpdir(), "gatehouse-example-"));
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  for (const file of files.split("\n").filter(Boolean)) {
    cpSync(path.join(ROOT, file), path.join(project, file), { force: true });
  }
  symlinkSync(path.join(ROOT, "node_modules"), path.join(project, "node_modules"));
  for (const block of readExample()) apply(project, block);
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

function run(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: project,
    encoding: "utf8",
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" },
  });
  return `exit ${status}\n${stdout}\n${stderr}`;
}

it("passes the contract suite on both generations as written in the README", () => {
  const report = run(
    "node_modules/vitest/vitest.mjs",
    "run",
    "test/mcp/contract.test.ts",
    "-t",
    "calendar",
    "--reporter=verbose",
  );
  expect(report).toMatch(/^exit 0$/m);
  for (const lane of ["sessionful", "stateless"]) {
    expect(report).toContain(`'/mcp/calendar' on the '${lane}' lane > refuses an unknown argument`);
  }
}, 180_000);

it("keeps npm run check green after the commands of its last step", () => {
  const { scripts } = JSON.parse(readFileSync(path.join(project, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const types = (scripts.types ?? "").split(" ").slice(1);
  expect(run("scripts/policy.ts", "build")).toMatch(/^exit 0$/m);
  expect(run("node_modules/wrangler/bin/wrangler.js", ...types)).toMatch(/^exit 0$/m);
  expect(run("scripts/reference.ts")).toMatch(/^exit 0$/m);
  expect(run("scripts/schemas.ts")).toMatch(/^exit 0$/m);
  expect(run("node_modules/@biomejs/biome/bin/biome", "check", "--write", "workers")).toMatch(/^exit 0$/m);
  const report = run("scripts/check.ts");
  expect(report).toMatch(/^exit 0$/m);
}, 180_000);
