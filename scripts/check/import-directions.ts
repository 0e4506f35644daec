import type { Check } from "./definition.ts";
import { type ModuleImport, readModules, type SourceModule } from "./module-graph.ts";

/**
 * The folders of what is deployed, lowest first, with what each one holds. A file imports its own folder and
 * folders above it in this list, never one below. A path that is not listed belongs to its longest listed
 * prefix.
 */
export const FOLDERS = [
  ["shared/encoding", "JSON values and canonical JSON"],
  ["shared/text", "names, terms and spelling"],
  ["shared/web", "page shell, style, logo"],
  ["shared/call", "nouns of every layer: identity, subject, effect, errors, content, questions"],
  ["shared/redact", "detectors, masking by rules"],
  ["shared/observe", "log lines, trace context, spans"],
  ["shared/upstream", "addresses and requests outside of Gatehouse, export of spans"],
  ["shared/auth", "keys, signatures, seals"],
  ["shared/policy", "document, compiled policy, decision, versions"],
  ["shared/people", "changes of people, for commands and for the console"],
  ["shared/connections", "what `connections.yaml` says: kinds, entries, revisions"],
  ["shared/audit", "record format, chain, checkpoints, offline verifier"],
  ["shared/session", "session context and the port to its memory"],
  ["shared/objects", "contracts of the Durable Objects"],
  ["shared/server", "what an author of a server writes, and the catalogue made of it"],
  ["shared/policy/changes", "a policy as it is written, checked, compared, tried and published"],
  ["shared/guard", "decide, admit, run, shape, settle, and the entrances to them"],
  ["shared/mcp/http", "request bodies, responses, event streams"],
  ["shared/mcp/methods", "tools/list to completion, tasks, elicitation, request state"],
  ["shared/mcp/subscriptions", "changed lists and resources"],
  ["shared/mcp/stateless", "the lane of 2026-07-28, on SDK v2"],
  ["shared/mcp/sessionful", "the lane of 2024-11-05 to 2025-11-25, on SDK v1 and McpAgent"],
  ["shared/mcp", "the choice of the lane"],
  ["workers/analytics", "built-in server"],
  ["workers/crm", "built-in server"],
  ["workers/knowledge", "built-in server"],
  ["workers/<server>", "a server of your own"],
  ["workers/connections", "connectors, and the servers made of published connections"],
  ["workers/servers.ts", "the registry of servers"],
  ["workers/published-servers.ts", "the servers that a publication brings"],
  ["workers/servers-in-force.ts", "both together"],
  ["workers/catalogues.ts", "the catalogue of each URL"],
  ["workers/audit-log", "queue consumer, counts, retention, checkpoints, dead letters"],
  ["workers/objects", "Durable Objects"],
  ["workers/gateway", "HTTP: OAuth, MCP, pages, discovery, health"],
  ["workers/crons.ts", "the triggers of wrangler.toml"],
  ["workers/index.ts", "the Worker's entry"],
] as const;

/** Stands for each folder of `workers/` that the list does not name. */
const OWN_SERVER = "workers/<server>";

/** Servers import nothing of each other. */
const SERVERS: readonly string[] = ["workers/analytics", "workers/crm", "workers/knowledge", OWN_SERVER];

/** Which folders under `workers/` and `shared/` may import an SDK. */
const GUARDED_PACKAGES = [
  {
    packages: ["@modelcontextprotocol/sdk", "agents"],
    allowed: ["shared/mcp/sessionful/"],
    reason: "SDK v1 and agents belong to the sessionful lane",
  },
  {
    packages: ["@modelcontextprotocol/server"],
    allowed: ["shared/mcp/stateless/", "shared/mcp/http/", "shared/mcp/methods/", "shared/mcp/lanes.ts"],
    reason: "SDK v2 belongs to the stateless lane",
  },
  {
    packages: ["@modelcontextprotocol/client"],
    allowed: ["workers/connections/mcp/"],
    reason: "the client side of MCP belongs to connections",
  },
] as const;

/**
 * Allowed imports of a tool outside of its own server: its definition, its errors, and the form of its data.
 */
const TOOL_IMPORTS: readonly string[] = [
  "zod",
  "shared/server/define.ts",
  "shared/server/task-workflow.ts",
  "shared/encoding/",
  "shared/call/",
  "shared/text/",
];

/** Maximum source files per folder; folders of tools, one per file, are exempt. */
const MOST_FILES = 24;

/** Enforces the order of {@link FOLDERS}, the folders of each SDK, and the size of a folder. */
export const importDirections: Check = {
  name: "directions",
  ensures: "imports point one way: shared/encoding → … → shared/mcp → servers → objects → gateway",
  async run() {
    const modules = await readModules(["workers", "shared", "scripts"]);
    const findings = [...findBreaches(modules), ...findFullFolders(modules.map(({ file }) => file))];
    return { summary: `${FOLDERS.length} folders, ${modules.length} modules`, findings };
  },
};

/** Lists every import in the wrong direction, as `file:line` and the broken rule. */
export function findBreaches(modules: readonly SourceModule[]): string[] {
  return modules.flatMap(({ file, imports }) =>
    imports.flatMap((imported) => {
      const rule = findBrokenRule(file, imported);
      return rule === null ? [] : [`${file}:${imported.line} imports ${imported.specifier}: ${rule}.`];
    }),
  );
}

/** Lists deployed folders with too many files. */
export function findFullFolders(files: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const file of files) {
    const folder = file.slice(0, file.lastIndexOf("/"));
    if (isDeployed(file) && !folder.endsWith("/tools")) counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > MOST_FILES)
    .map(([folder, count]) => `${folder} holds ${count} files; at most ${MOST_FILES}.`);
}

function findBrokenRule(file: string, { specifier, file: target }: ModuleImport): string | null {
  if (target === null) return findGuardedPackage(file, specifier) ?? findForeignToTool(file, specifier);
  if (target.startsWith("test/")) return "only tests import test/";
  if (isDeployed(file) && target.startsWith("scripts/")) return "nothing that is deployed imports scripts/";
  if (isForBrowser(target) && !isForBrowser(file))
    return "a view's code runs in the browser and imports stay there";
  if (!isDeployed(file)) return null;
  return findStepUp(file, target) ?? findForeignToTool(file, target);
}

function findStepUp(file: string, target: string): string | null {
  const [from, to] = [levelOf(file), levelOf(target)];
  if (from === null) return `${file} belongs to no folder of the list in scripts/check/import-directions.ts`;
  if (to === null) return `${target} belongs to no folder of the list in scripts/check/import-directions.ts`;
  const [lower, upper] = [folderAt(from), folderAt(to)];
  const [own, other] = [serverFolderOf(file), serverFolderOf(target)];
  if (SERVERS.includes(lower) && SERVERS.includes(upper) && own !== other)
    return `${own} and ${other} import nothing of each other`;
  return to > from ? `${lower} comes before ${upper}` : null;
}

function findGuardedPackage(file: string, specifier: string): string | null {
  if (!isDeployed(file)) return null;
  const guarded = GUARDED_PACKAGES.find(({ packages }) =>
    packages.some((name) => specifier === name || specifier.startsWith(`${name}/`)),
  );
  if (guarded === undefined || guarded.allowed.some((allowed) => file.startsWith(allowed))) return null;
  return `${guarded.reason}: only ${guarded.allowed.join(", ")}`;
}

function findForeignToTool(file: string, target: string): string | null {
  const server = /^(workers\/[^/]+)\/tools\//.exec(file)?.[1];
  if (server === undefined || target.startsWith(`${server}/`)) return null;
  if (
    TOOL_IMPORTS.some(
      (allowed) => target === allowed || (allowed.endsWith("/") && target.startsWith(allowed)),
    )
  )
    return null;
  return `a tool imports its own server, ${TOOL_IMPORTS.join(", ")}`;
}

/** Source of views: the Worker contains only the output of `npm run views`. */
function isForBrowser(file: string): boolean {
  return /^(shared\/web|workers\/[^/]+)\/view\/.*\.ts$/.test(file);
}

function isDeployed(file: string): boolean {
  return file.startsWith("workers/") || file.startsWith("shared/");
}

function folderAt(level: number): string {
  return FOLDERS[level]?.[0] ?? "";
}

function levelOf(file: string): number | null {
  let level: number | null = null;
  for (const [index, [folder]] of FOLDERS.entries()) {
    const within = file === folder || file.startsWith(`${folder}/`);
    const longer = level === null || folder.length > folderAt(level).length;
    if (within && longer) level = index;
  }
  if (level !== null || !/^workers\/[^/]+\//.test(file)) return level;
  return FOLDERS.findIndex(([folder]) => folder === OWN_SERVER);
}

/** `workers/crm` of `workers/crm/tools/find-contacts.ts`. */
function serverFolderOf(file: string): string {
  return file.split("/").slice(0, 2).join("/");
}
