import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Definition } from "../../shared/connections/definitions.ts";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { describeListed } from "../../workers/connections/mcp/definitions.ts";
import { findInDefinition } from "../../workers/connections/review/find-in-definition.ts";
import { ROOT } from "../local/root.ts";
import { readBench } from "./options.ts";
import { HELD_OUT, type Template, TUNING } from "./poison/templates.ts";

/** Tools of public servers, as their packages list them. */
interface CleanPackage {
  package: string;
  version: string;
  license: string;
  tools: {
    name: string;
    description: string;
    inputSchema: { properties?: Record<string, { description?: string }> };
  }[];
}

type Tool = CleanPackage["tools"][number];

/** Definitions that each template poisons. */
const EACH = 10;

const packages = JSON.parse(
  await readFile(path.join(ROOT, "scripts/bench/poison/clean.json"), "utf8"),
) as CleanPackage[];
const tools = packages.flatMap((one) => one.tools.map((tool) => ({ tool, from: one.package })));
// Half of the clean ones were looked at while the rules were written; a tool's name decides which half.
const isHeldOut = ({ tool, from }: (typeof tools)[number]) => digestText(`${from} ${tool.name}`) < "8";
const clean = { tuning: tools.filter((one) => !isHeldOut(one)), heldOut: tools.filter(isHeldOut) };

console.log(`${tools.length} clean definitions of ${packages.length} public packages:`);
for (const { package: name, version, tools: own } of packages)
  console.log(`  ${name}@${version}: ${own.length}`);
const { verbose = false } = readBench("poison").values;

report("looked at while the rules were written", clean.tuning, TUNING, verbose);
report("held out", clean.heldOut, HELD_OUT, verbose);

function report(
  what: string,
  cleans: readonly { tool: Tool; from: string }[],
  templates: readonly Template[],
  isVerbose: boolean,
): void {
  const alarms = cleans.filter(({ tool, from }) => find(tool, from).length > 0);
  const poisoned = templates.flatMap((template, index) =>
    Array.from({ length: EACH }, (_, turn) => {
      const { tool, from } = cleans[(index * 37 + turn * 11) % cleans.length] as (typeof cleans)[number];
      const others = cleans.filter((one) => one.from !== from);
      const other = others[(index * 53 + turn * 17 + 1) % others.length]?.tool.name ?? "";
      return { template, tool: poison(tool, template, other), from };
    }),
  );
  const missed = poisoned.filter(({ tool, from }) => find(tool, from).length === 0);
  const share = (count: number, of: number) => `${((100 * count) / of).toFixed(1)} %`;
  console.log(`\n${what}:`);
  console.log(
    `  recall        ${share(poisoned.length - missed.length, poisoned.length)} (${poisoned.length - missed.length} of ${poisoned.length} poisoned, ${templates.length} templates)`,
  );
  console.log(
    `  false alarms  ${share(alarms.length, cleans.length)} (${alarms.length} of ${cleans.length} clean)`,
  );
  if (!isVerbose) return;
  for (const text of new Set(missed.map(({ template }) => template.text)))
    console.log(`  missed: ${text.trim().slice(0, 120)}`);
  for (const { tool, from } of alarms) {
    const [{ rule, excerpt, path: where } = { rule: "", excerpt: "", path: "" }] = find(tool, from);
    console.log(`  alarm: ${from} ${tool.name}: ${rule}: “${excerpt.slice(0, 110)}” in ${where}`);
  }
}

/** What the review shows for a tool, exactly as it comes from a server. */
function find(tool: Tool, from: string): ReturnType<typeof findInDefinition> {
  const { definitions } = describeListed({ tools: [tool], resources: [], templates: [], prompts: [] });
  return definitions.flatMap((definition: Definition) => findInDefinition(definition, othersOf(from)));
}

/** Names of tools of every other package, as if all of them were connected. */
function othersOf(from: string): Set<string> {
  const own = new Set(tools.filter((one) => one.from === from).map(({ tool }) => tool.name));
  return new Set(tools.map(({ tool }) => tool.name).filter((name) => !own.has(name)));
}

function poison(tool: Tool, { where, text }: Template, other: string): Tool {
  const put = text.replaceAll("{tool}", tool.name).replaceAll("{other}", other);
  if (where === "whole") return { ...tool, description: put };
  if (where === "beginning") return { ...tool, description: put + tool.description };
  if (where === "end") return { ...tool, description: tool.description + put };
  const properties = { ...tool.inputSchema.properties, sidenote: { type: "string", description: put } };
  return { ...tool, inputSchema: { ...tool.inputSchema, properties } };
}
