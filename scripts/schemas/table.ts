import { allowWorkerModules } from "../check/worker-modules.ts";
import { HOSTS, type ListedTool } from "./hosts.ts";
import { freeFormFields, type Schema } from "./render.ts";

/** Path of the table. */
export const TABLE_FILE = "docs/figures/tool-schemas.md";

/** Verdicts of all hosts on each tool of `/mcp`. */
export interface Verdict {
  tool: ListedTool;
  /** By host: reasons for refusing the tool; empty when it accepts it. */
  faults: ReadonlyMap<string, string[]>;
}

/** Checks every tool of the product against the rules of every host. */
export async function judgeTools(): Promise<Verdict[]> {
  allowWorkerModules();
  const { servers } = await import("../../workers/servers.ts");
  const { createCatalogue } = await import("../../shared/server/catalogue.ts");
  return [...createCatalogue("/mcp", "/mcp", servers).tools.values()].map(({ listed }) =>
    judgeTool({
      name: String(listed.name),
      description: String(listed.description),
      inputSchema: listed.inputSchema as Schema,
      outputSchema: listed.outputSchema as Schema | undefined,
    }),
  );
}

/** Verdicts of all hosts on one tool. */
export function judgeTool(tool: ListedTool): Verdict {
  return { tool, faults: new Map(HOSTS.map((host) => [host.name, host.judge(tool)])) };
}

/** The page with the table, as Markdown. */
export function writeTable(verdicts: readonly Verdict[]): string {
  const names = HOSTS.map(({ name }) => name);
  const rows = verdicts.map(({ tool, faults }) => {
    const free = freeFormFields(tool.inputSchema);
    const cells = names.map((name) => {
      if ((faults.get(name) ?? []).length > 0) return name === "OpenAI strict" ? "–" : "✗";
      return name === "Gemini" && free.length > 0 ? "✓ *" : "✓";
    });
    return `| \`${tool.name}\` | ${cells.join(" | ")} | ${free.map((field) => `\`${field}\``).join(", ")} |`;
  });
  return `${INTRODUCTION}
| tool | ${names.join(" | ")} | free-form arguments |
|---|${names.map(() => "---|").join("")}---|
${rows.join("\n")}
`;
}

const INTRODUCTION = `# What hosts take of the tools' schemas

Written by \`npm run schemas\`; \`npm run check -- schemas\` holds it to be true. The rules are those of
\`scripts/schemas/hosts.ts\`, read in the hosts' documentation; no host was asked.

- **plain words**: no \`$ref\`, no recursion, no \`$schema\`, no \`const\`, \`oneOf\` or \`allOf\`, one type a schema in arguments.
- **OpenAI**: function calling as it is. **strict**: the arguments can be converted for strict mode, which has no
  free-form objects (–: it has some); \`null\` for what may be left out is taken.
- **Gemini**: \`parameters\` of a function declaration, after what every host does that speaks MCP and Gemini:
  \`additionalProperties\` goes, and a union with null becomes \`nullable\`. \\*: free-form arguments as JSON text, which
  the tools take.
- **Anthropic**: \`input_schema\` as it is. **ajv** 8: arguments and answers compile, in both dialects.
`;
