import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "../../scripts/local/root.ts";
import type { OpenProgram, ProgramUnderTest } from "./program.ts";

const README = path.join(ROOT, "README.md");
const BEGIN = "<!-- clients: written by npm run clients -->\n";
const END = "<!-- /clients -->\n";

/** The proof for one client: a row of the README's table. */
export interface Proof {
  name: string;
  version: string;
  revision: string;
  /** The MCP features that it used. */
  used: readonly string[];
}

/** The row of a program that completed the scenario, with the version of the installed package. */
export async function describeProof(program: ProgramUnderTest, client: OpenProgram): Promise<Proof> {
  const manifest = path.join(ROOT, "node_modules", program.package, "package.json");
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
  const used = [
    "tools",
    ...(client.readResource ? ["resources"] : []),
    ...(client.getPrompt ? ["prompts"] : []),
  ];
  return { name: program.name, version, revision: program.revision, used };
}

/** The table as Markdown. */
export function renderTable(proofs: readonly Proof[]): string {
  const rows = proofs.map(
    ({ name, version, revision, used }) => `| ${name} | ${version} | ${revision} | ${used.join(", ")} |`,
  );
  return ["| client | version | speaks | used |", "|---|---|---|---|", ...rows, ""].join("\n");
}

/** The current table of the README. Throws when its markers are missing. */
export async function readTable(): Promise<string> {
  const { table } = split(await readFile(README, "utf8"));
  return table;
}

/** Writes a table between the README's markers. */
export async function writeTable(table: string): Promise<void> {
  const { before, after } = split(await readFile(README, "utf8"));
  await writeFile(README, `${before}${BEGIN}${table}${END}${after}`);
}

function split(text: string): { before: string; table: string; after: string } {
  const [before, rest] = text.split(BEGIN);
  const [table, after] = rest?.split(END) ?? [];
  if (before === undefined || table === undefined || after === undefined) {
    throw new Error(`README.md has lost its markers: ${BEGIN.trim()} and ${END.trim()}.`);
  }
  return { before, table, after };
}
