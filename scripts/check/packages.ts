import { readFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import path from "node:path";
import { ROOT } from "../local/root.ts";
import type { Check } from "./definition.ts";
import { readModules, type SourceModule } from "./module-graph.ts";
import { listSourceFiles } from "./source-files.ts";

/** Files other than sources that use a package by its name. */
const MENTIONS = ["package.json", "tsconfig.json", "biome.json", "README.md", ".ci/run"];

interface Manifest {
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

interface LockFile {
  packages: Record<string, { version?: string; resolved?: string; dev?: boolean }>;
}

/**
 * Checks that package.json lists exactly the used packages, and that the lock file installs from any
 * registry.
 */
export const packages: Check = {
  name: "packages",
  ensures: "packages are declared, used and pinned; the lock file names no addresses; there is one zod",
  async run() {
    const [manifest, lock, modules, mentions] = await Promise.all([
      readJson<Manifest>("package.json"),
      readJson<LockFile>("package-lock.json"),
      readModules([".", "workers", "shared", "scripts", "test"]),
      readMentions(),
    ]);
    return {
      summary: `${Object.keys(lock.packages).length - 1} packages`,
      findings: [
        ...findUndeclared(modules, manifest),
        ...findUnneeded(modules, manifest, mentions),
        ...findUnpinned(manifest),
        ...findLockMistakes(lock),
      ],
    };
  },
};

/** Lists imports of packages that are installed only as dependencies of other packages. */
export function findUndeclared(modules: readonly SourceModule[], manifest: Manifest): string[] {
  return modules.flatMap(({ file, imports }) =>
    imports.flatMap(({ specifier, file: target, line }) => {
      const name = packageOf(specifier);
      if (target !== null || isBuiltIn(specifier) || isDeclared(manifest, name)) return [];
      return [`${file}:${line} imports ${name}, which package.json does not list.`];
    }),
  );
}

function findUnneeded(modules: readonly SourceModule[], manifest: Manifest, mentions: string): string[] {
  const imported = new Set(
    modules.flatMap(({ imports }) => imports.map((item) => packageOf(item.specifier))),
  );
  const names = Object.keys(listDeclared(manifest));
  return names
    .filter((name) => !imported.has(name) && !mentions.includes(name.replace(/^@types\//, "")))
    .map((name) => `package.json lists ${name}, which nothing imports or runs.`);
}

function findUnpinned(manifest: Manifest): string[] {
  return Object.entries(listDeclared(manifest))
    .filter(([, version]) => /[\^~*]|latest/.test(version))
    .map(([name, version]) => `package.json asks for ${name} ${version}; name one exact version.`);
}

/** Lists faults of the lock file: addresses of one registry, and a second zod. */
export function findLockMistakes(lock: LockFile): string[] {
  const entries = Object.entries(lock.packages);
  const addressed = entries.filter(([, { resolved }]) => resolved !== undefined);
  const zods = entries.filter(([folder, { dev }]) => folder.endsWith("node_modules/zod") && !dev);
  return [
    ...addressed.map(([folder]) => `package-lock.json names a download address for ${folder}.`),
    ...(zods.length === 1
      ? []
      : [`package-lock.json has ${zods.length} copies of zod; a second copy breaks tool registration.`]),
  ];
}

function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function isBuiltIn(specifier: string): boolean {
  // The runtime and the test runner provide modules of these schemes.
  return /^(node|cloudflare):/.test(specifier) || builtinModules.includes(specifier);
}

function isDeclared(manifest: Manifest, name: string): boolean {
  return name in listDeclared(manifest);
}

function listDeclared({ dependencies, devDependencies, optionalDependencies }: Manifest) {
  return { ...dependencies, ...devDependencies, ...optionalDependencies };
}

async function readMentions(): Promise<string> {
  const files = [...MENTIONS, ...(await listSourceFiles([".", "workers", "shared", "scripts", "test"]))];
  const texts = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(path.join(ROOT, file), "utf8").catch(() => "");
      if (file !== "package.json") return text;
      return JSON.stringify((JSON.parse(text) as Manifest).scripts ?? {});
    }),
  );
  return texts.join("\n");
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(path.join(ROOT, file), "utf8")) as T;
}
