import type { Check } from "./definition.ts";
import { type ModuleImport, readModules, type SourceModule } from "./module-graph.ts";

/** Who may import a package that is not for everyone. Applies under `workers/` and `shared/`. */
const GUARDED_PACKAGES = [
  {
    packages: ["@modelcontextprotocol/sdk", "agents"],
    allowed: [
      "shared/mcp/sessionful/sessionful.ts",
      "shared/mcp/sessionful/sessionful-channel.ts",
      "shared/mcp/sessionful/sessionful-methods.ts",
      "shared/mcp/sessionful/post-transport.ts",
    ],
    reason: "SDK v1 and agents belong to the sessionful lane",
  },
  {
    packages: ["@modelcontextprotocol/server"],
    allowed: [
      "shared/mcp/lanes.ts",
      "shared/mcp/methods/request-state.ts",
      "shared/mcp/stateless/stateless-exchange.ts",
      "shared/mcp/stateless/sdk-validation.ts",
      "shared/mcp/stateless/stateless-listen.ts",
      "shared/mcp/stateless/stateless-request.ts",
    ],
    reason: "SDK v2 belongs to the stateless lane",
  },
] as const;

/** What a tool may know beside its own server: how to define itself, how to fail, and what its data looks like. */
const TOOL_IMPORTS: readonly string[] = [
  "zod",
  "shared/server/define.ts",
  "shared/server/task-workflow.ts",
  "shared/call/tool-error.ts",
];

/** Enforces the one direction of imports that DESIGN draws: index → gateway → servers → a server → shared. */
export const importDirections: Check = {
  name: "directions",
  ensures: "imports point one way: index → gateway → servers → <server> → shared",
  async run() {
    const modules = await readModules(["workers", "shared", "scripts"]);
    return { summary: `${modules.length} modules`, findings: findBreaches(modules) };
  },
};

/** Lists every import that points the wrong way, as `file:line` and the broken rule. */
export function findBreaches(modules: readonly SourceModule[]): string[] {
  return modules.flatMap(({ file, imports }) =>
    imports.flatMap((imported) => {
      const rule = findBrokenRule(file, imported);
      return rule === null ? [] : [`${file}:${imported.line} imports ${imported.specifier}: ${rule}.`];
    }),
  );
}

function findBrokenRule(file: string, { specifier, file: target }: ModuleImport): string | null {
  if (target === null) return findGuardedPackage(file, specifier) ?? findForeignToTool(file, specifier);
  if (target.startsWith("test/")) return "only tests import test/";
  if (isDeployed(file) && target.startsWith("scripts/")) return "nothing that is deployed imports scripts/";
  if (isForBrowser(target) && !isForBrowser(file))
    return "a view's code runs in the browser and imports stay there";
  if (file.startsWith("shared/") && target.startsWith("workers/")) return "shared/ never imports workers/";
  if (file.startsWith("workers/") && target.startsWith("workers/")) {
    const [from, to] = [placeOf(file), placeOf(target)];
    if (from.level > to.level) return `${from.name} is below ${to.name}`;
    if (from.level === to.level && from.name !== to.name)
      return `${from.name} and ${to.name} stand side by side`;
  }
  return findForeignToTool(file, target);
}

function findGuardedPackage(file: string, specifier: string): string | null {
  if (!isDeployed(file)) return null;
  const guarded = GUARDED_PACKAGES.find(({ packages }) =>
    packages.some((name) => specifier === name || specifier.startsWith(`${name}/`)),
  );
  if (guarded === undefined || guarded.allowed.some((allowed) => allowed === file)) return null;
  return `${guarded.reason}: only ${guarded.allowed.join(" and ")} may`;
}

function findForeignToTool(file: string, target: string): string | null {
  const server = /^(workers\/[^/]+)\/tools\//.exec(file)?.[1];
  if (server === undefined || target.startsWith(`${server}/`) || TOOL_IMPORTS.includes(target)) return null;
  return `a tool sees its own server, ${TOOL_IMPORTS.join(", ")}`;
}

/** Source of views: the Worker carries only what `npm run views` makes of it. */
function isForBrowser(file: string): boolean {
  return /^(shared\/web|workers\/[^/]+)\/view\/.*\.ts$/.test(file);
}

function isDeployed(file: string): boolean {
  return file.startsWith("workers/") || file.startsWith("shared/");
}

interface Place {
  name: string;
  level: number;
}

function placeOf(file: string): Place {
  const [, first = ""] = file.split("/");
  if (first === "index.ts") return { name: "the entry", level: 0 };
  if (first === "gateway") return { name: "the gateway", level: 1 };
  if (first === "servers.ts") return { name: "the registry", level: 2 };
  return { name: first, level: 3 };
}
