import type { Check, CheckOutcome } from "./definition.ts";
import { readModules, type SourceModule } from "./module-graph.ts";

/**
 * Files that are started from outside of the module graph: by wrangler, npm, vitest, the build of the views,
 * or a test's child process.
 */
const ENTRIES = [
  /^workers\/index\.ts$/,
  // Wrangler takes it for a package (`alias` in wrangler.toml).
  /^workers\/connections\/mongodb\/whatwg-url\.ts$/,
  /^workers\/[^/]+\/view\/[^/]+\.ts$/,
  /^scripts\/[^/]+\.ts$/,
  /^scripts\/bench\/[^/]+\.ts$/,
  /^vitest[^/]*\.config\.ts$/,
  /^scripts\/check\/test-reporter\.ts$/,
  /^test\/(clients|conformance(?:\/relayed)?|node\/[^/]+)\/(run|worker)\.ts$/,
  /^test\/support\/run-[^/]+\.ts$/,
];
const TEST = /^test\//;

/** Reports exports and files without an import. */
export const unusedCode: Check = {
  name: "unused",
  ensures: "every export and every file is used",
  async run() {
    const modules = await readModules([".", "workers", "shared", "scripts", "test"]);
    return { summary: `${modules.length} modules`, ...findUnusedExports(modules) };
  },
};

/**
 * Lists exports that no other module imports. Test imports count separately: an export that only tests use
 * becomes a note. A type that its own module uses is allowed, because callers may need to name a type of a
 * signature.
 */
export function findUnusedExports(modules: readonly SourceModule[]): Omit<CheckOutcome, "summary"> {
  const production = collectUses(modules.filter(({ file }) => !TEST.test(file)));
  const everywhere = collectUses(modules);
  const findings: string[] = [];
  const notes: string[] = [];
  for (const { file, exports } of modules) {
    if (ENTRIES.some((entry) => entry.test(file)) || file.endsWith(".test.ts")) continue;
    const uses = TEST.test(file) ? everywhere : production;
    if (!everywhere.has(file)) {
      findings.push(`${file}:1 has no import.`);
      continue;
    }
    for (const { name, line, isType, usedInside } of exports) {
      if (isUsed(uses, file, name) || (isType && usedInside)) continue;
      const inside = usedInside ? "Only its own file uses it: drop the word export." : "Delete it.";
      if (isUsed(everywhere, file, name)) notes.push(`${file}:${line} ${name} is exported for tests alone.`);
      else findings.push(`${file}:${line} exports ${name} without an import. ${inside}`);
    }
  }
  return { findings, notes };
}

type Uses = ReadonlyMap<string, ReadonlySet<string>>;

function collectUses(modules: readonly SourceModule[]): Uses {
  const uses = new Map<string, Set<string>>();
  for (const { imports } of modules) {
    for (const { file, names } of imports) {
      if (file === null) continue;
      const used = uses.get(file) ?? new Set();
      for (const name of names) used.add(name);
      uses.set(file, used);
    }
  }
  return uses;
}

function isUsed(uses: Uses, file: string, name: string): boolean {
  const names = uses.get(file);
  return names !== undefined && (names.has(name) || names.has("*"));
}
