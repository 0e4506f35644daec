import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "../..");

/** Suites that start their own runtimes. */
const OTHER_SUITES = /^test\/(node|browser|clients|conformance)\//;

/** Value imports and re-exports; an import of types alone loads nothing. */
const LOADED =
  /^(?:import|export)\s+(?!type\b)(?:[^"';]*?\sfrom\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm;

/**
 * The test files, relative to the project, that load no module of the Workers runtime (`cloudflare:…`,
 * `agents`), directly or through imports. They run in plain Node, where a file starts in a tenth of the time.
 * A test that must run in workerd for another reason imports `cloudflare:workers`.
 */
export function findUnitTests(): string[] {
  const needsRuntime = createFinder();
  return globSync("test/**/*.test.ts", { cwd: ROOT })
    .map((file) => file.split(path.sep).join("/"))
    .filter((file) => !OTHER_SUITES.test(file) && !needsRuntime(path.join(ROOT, file)))
    .sort();
}

function createFinder(): (file: string) => boolean {
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
    for (const current of seen) {
      for (const specifier of specifiersOf(current)) {
        if (/^(cloudflare:|agents(\/|$))/.test(specifier)) return true;
        if (specifier.startsWith(".")) seen.add(path.resolve(path.dirname(current), specifier));
      }
    }
    return false;
  };
}
