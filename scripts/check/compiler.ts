import path from "node:path";
import { resolveCommand, runNode } from "../local/process.ts";
import { ROOT } from "../local/root.ts";
import type { Check } from "./definition.ts";

/** The Worker's code, and the views': types of the browser and of the Workers runtime conflict. */
const PROJECTS = ["tsconfig.json", "tsconfig.views.json"];

/** What the compiler knows of files that have not changed since, so that it reads these alone; `npm ci` removes it. */
const KNOWN_TYPES = path.join(ROOT, "node_modules/.cache/types");

/** Strict types over everything that the projects include. */
export const types: Check = {
  name: "types",
  ensures: "the strict compiler accepts everything",
  async run() {
    const findings: string[] = [];
    for (const project of PROJECTS) findings.push(...(await compile(project)));
    return { summary: findings.length === 0 ? "clean" : `${findings.length} lines`, findings };
  },
};

async function compile(project: string): Promise<string[]> {
  const { code, stdout, stderr } = await runNode(resolveCommand("typescript", "tsc"), [
    "--noEmit",
    "--incremental",
    "--tsBuildInfoFile",
    path.join(KNOWN_TYPES, `${project}.tsbuildinfo`),
    "--pretty",
    "false",
    "-p",
    project,
  ]);
  if (code === 0) return [];
  const lines = linesOf(stdout + stderr);
  return lines.length > 0 ? lines : [`The compiler ended with code ${code}.`];
}

/** Lint rules and format of `biome.json`. */
export const lint: Check = {
  name: "lint",
  ensures: "lint rules and format hold",
  async run() {
    const { code, stdout, stderr } = await runNode(
      resolveCommand("@biomejs/biome", "biome"),
      ["check", "--reporter=github", "--max-diagnostics=200"],
      { env: { NO_COLOR: "1" } },
    );
    if (code === 0) return { summary: "clean", findings: [] };
    const findings = linesOf(stdout).flatMap(readAnnotation);
    return {
      summary: "npm run format repairs most",
      findings: findings.length > 0 ? findings : linesOf(stderr).slice(-20),
    };
  },
};

/** Turns biome's `::error title=…,file=…,line=…::text` into `file:line text (rule)`. */
function readAnnotation(line: string): string[] {
  const [, fields = "", text = ""] = /^::(?:error|warning) (.*?)::(.*)$/.exec(line) ?? [];
  if (fields === "") return [];
  const values = new Map(fields.split(",").map((field) => field.split("=", 2) as [string, string]));
  return [`${values.get("file")}:${values.get("line")} ${text} (${values.get("title")})`];
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}
