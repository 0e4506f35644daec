import { bundledPolicy } from "../../shared/policy/bundled.ts";
import type { Known, KnownSubject } from "../../shared/policy/changes/known.ts";
import type { Policy } from "../../shared/policy/compile.ts";
import { decide } from "../../shared/policy/decide.ts";
import { readRegistry } from "../policy/catalogue.ts";

/** Path of the page, relative to the project. */
export const REFERENCE_FILE = "docs/reference.md";

/**
 * Everything that the registered servers offer, and the roles that can use it by the deployed policy, as
 * Markdown.
 */
export async function writeReference(): Promise<string> {
  const known = await readRegistry();
  const { servers } = await import("../../workers/servers.ts");
  const policy = bundledPolicy();
  const roles = [...policy.roles.keys()];
  const own = (server: (typeof servers)[number]) =>
    known.subjects.filter(({ scope }) => Object.hasOwn(server.scopes, scope));
  const everywhere = known.subjects.filter(({ scope }) => !known.scopes.includes(scope));
  return [
    "# Tools, resources, prompts and events",
    [
      "Written by `npm run reference` from the definitions and the policy of the deployment; a check fails when it is out of",
      "step. A mark says that the role may use it: ● yes, ○ in some cases after a person has approved the call. Conditions of",
      "the policy may narrow it further.",
    ].join("\n"),
    ...servers.flatMap((server) => [
      `## ${server.title}`,
      `${server.description} At \`/mcp/${server.name}\` and at \`/mcp\`.`,
      table(
        ["scope", "lets an app"],
        Object.entries(server.scopes).map(([scope, text]) => [`\`${scope}\``, text]),
      ),
      ...describe(own(server), policy, roles, known),
    ]),
    "## At every URL",
    "The session's own memory; every token may use it.",
    ...describe(everywhere, policy, roles, known),
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}

const KINDS = [
  ["tool", "tool"],
  ["resource", "resource"],
  ["prompt", "prompt"],
  ["event", "event"],
] as const;

function describe(
  subjects: readonly KnownSubject[],
  policy: Policy,
  roles: readonly string[],
  known: Known,
): string[] {
  return KINDS.flatMap(([kind, head]) => {
    const members = subjects.filter((subject) => subject.kind === kind);
    if (members.length === 0) return [];
    const rows = members.map((subject) => [
      `\`${subject.name}\``,
      subject.title ?? subject.name,
      ...(kind === "tool" ? [subject.effect] : []),
      ...roles.map((role) => mark(policy, role, subject, known.scopes)),
    ]);
    return [table([head, "what", ...(kind === "tool" ? ["effect"] : []), ...roles], rows)];
  });
}

/** The best access of a role, with every scope and a fresh second factor. */
function mark(policy: Policy, role: string, subject: KnownSubject, scopes: readonly string[]): string {
  const at = 0;
  const { kind } = decide(policy, { role, scopes, ip: null, country: null, at, mfaAt: at }, subject);
  if (kind === "deny") return "";
  const rules = subject.kind === "tool" ? (policy.roles.get(role)?.approvals ?? []) : [];
  return rules.some(({ covers }) => covers(subject)) ? "○" : "●";
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}
