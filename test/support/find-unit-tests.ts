import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "../..");

/** Suites that start their own runtimes. */
const OTHER_SUITES = /^test\/(node|browser|clients|conformance|metrics|connections\/(databases|mcp))\//;

/** Value imports and re-exports; an import of types alone loads nothing. */
const LOADED =
  /^(?:import|export)\s+(?!type\b)(?:[^"';]*?\sfrom\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm;

/** Packages that exist in the Workers runtime alone. */
const OF_RUNTIME = /^(cloudflare:|agents(\/|$))/;

/** Packages of Node that are too large to travel to the runtime, which ends without a word. */
const OF_NODE = /^wrangler$/;

/**
 * The test files, relative to the project, that load no module of the Workers runtime (`cloudflare:…`,
 * `agents`), directly or through imports. They run in plain Node, where a file starts in a tenth of the time.
 * A test that must run in workerd for another reason imports `cloudflare:workers`. Throws for a test that loads
 * modules of the runtime and others that do not run there.
 */
export function findUnitTests(): string[] {
  const packagesOf = createFinder();
  return globSync("test/**/*.test.ts", { cwd: ROOT })
    .map((file) => file.split(path.sep).join("/"))
    .filter((file) => {
      if (OTHER_SUITES.test(file)) return false;
      const packages = packagesOf(path.join(ROOT, file));
      const ofRuntime = packages.find((name) => OF_RUNTIME.test(name));
      const ofNode = packages.find((name) => OF_NODE.test(name));
      if (ofRuntime !== undefined && ofNode !== undefined)
        throw new Error(`${file} loads ${ofRuntime} and ${ofNode}, which run in no runtime together.`);
      return ofRuntime === undefined;
    })
    .sort();
}

/** A function that gives the packages that a file loads, directly or through imports. */
function createFinder(): (file: string) => string[] {
  const loaded = new Map<string, string[]>();
  const specifiersOf = (file: string): string[] => {
    const known = loaded.get(file);
    if (known) return known;
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    const found = [...text.matchAll(LOADED)].map((match) => match[1] ?? match[2] ?? "");
    loaded.set(file, found);
    return found;
  };
  return (file) => {
    const seen = new Set([file]);
    const packages = new Set<string>();
    for (const current of seen) {
      for (const specifier of specifiersOf(current)) {
        if (specifier.startsWith(".")) seen.add(path.resolve(path.dirname(current), specifier));
        else packages.add(specifier);
      }
    }
    return [...packages];
  };
}
