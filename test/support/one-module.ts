import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { build, type Plugin } from "vite";

const ROOT = path.resolve(import.meta.dirname, "../..");
const FOLDERS = ["shared", "workers"];

/** The bundled policy, which no test may change, and the policy that the tests have in its place. */
const BUNDLED_POLICY = path.join(ROOT, "shared/policy/bundled.ts");
const OWN_POLICY = path.join(ROOT, "test/support/own-policy.ts");

/** Packages of which tests and Worker must use one copy. */
const SHARED_PACKAGES = [
  "zod",
  "@modelcontextprotocol/sdk/types.js",
  "@modelcontextprotocol/sdk/validation/cfworker",
  "@modelcontextprotocol/server",
  "ioredis",
  "mysql2/promise",
  "pg",
];

/** Where the bundle lies, as long as the run takes; the runtime imports its files by itself. */
const FOLDER = path.join(os.tmpdir(), `gatehouse-tests-${process.pid}`);
/** What the Worker loads at its start, and what it loads on first use: drivers, parsers, fonts. */
const STARTED = "worker";
const LATER = "later";
const IS_BUNDLE = /\/gatehouse-tests-\d+\/[\w.-]+\.mjs$/;
const IS_NOT_BUNDLE = /^(?!.*\/gatehouse-tests-\d+\/[\w.-]+\.mjs$)/;

/**
 * Serves the Worker's code to the tests as a few files, which the runtime imports by itself. Every test file starts a
 * runtime of its own, and a thousand modules that travel there one by one take most of a file's time. What the Worker
 * loads on first use lies in files of its own, which most tests never load. A test that imports a single module gets
 * its exports from the instance that the Worker uses.
 */
export async function serveAsOneModule(): Promise<Plugin[]> {
  const files = FOLDERS.flatMap(listModules);
  const names = new Map([...files, ...SHARED_PACKAGES].map((id, index) => [id, `module${index}`]));
  const started = findStarted(names);
  const exports = await bundle(names, started);
  const fileOf = (id: string) => path.join(FOLDER, `${started.has(id) ? STARTED : LATER}.mjs`);
  const modules: Plugin = {
    name: "gatehouse:one-module",
    enforce: "pre",
    resolveId(id) {
      if (IS_BUNDLE.test(id)) return id;
      return SHARED_PACKAGES.includes(id) ? `\0package:${id}` : undefined;
    },
    load(id) {
      const module = id.replace("\0package:", "");
      const name = names.get(module);
      if (name === undefined) return undefined;
      return { code: reexport(fileOf(module), name, exports.get(module) ?? []), map: null };
    },
  };
  const external: Plugin = {
    name: "gatehouse:external-module",
    enforce: "post",
    // The pool's own plugin lets everything travel through vite.
    config(config: { test?: { server?: { deps?: { inline?: unknown; external?: unknown } } } }) {
      Object.assign(config.test?.server?.deps ?? {}, {
        inline: [IS_NOT_BUNDLE],
        external: [IS_BUNDLE],
      });
    },
  };
  return [modules, external];
}

/** Drivers in CommonJS require modules of Node.js; the test pool has no `process` to require. */
const REQUIRE = [
  'import { createRequire } from "node:module";',
  'const requireBuiltin = createRequire("/");',
  "const require = (id) => (/^(node:)?process$/.test(id) ? globalThis.process : requireBuiltin(id));",
].join("\n");

/** Writes the bundle, and gives the names of each module's exports. */
async function bundle(
  names: ReadonlyMap<string, string>,
  started: ReadonlySet<string>,
): Promise<Map<string, readonly string[]>> {
  const exports = new Map<string, readonly string[]>();
  const entryOf = (isStarted: boolean) =>
    [...names]
      .filter(([id]) => started.has(id) === isStarted)
      .map(([id, name]) => `export * as ${name} from ${JSON.stringify(id)};`)
      .join("\n");
  const entries = new Map([
    [`\0gatehouse:${STARTED}`, entryOf(true)],
    [`\0gatehouse:${LATER}`, entryOf(false)],
  ]);
  const output = await build({
    configFile: false,
    root: ROOT,
    logLevel: "error",
    plugins: [
      {
        name: "gatehouse:entry",
        enforce: "pre",
        resolveId(id, importer) {
          if (entries.has(`\0${id}`)) return `\0${id}`;
          if (/^(node|cloudflare):/.test(id)) return { id, external: true };
          const [, ending] = /\.(wasm|woff2)$/.exec(id) ?? [];
          if (ending === undefined) return undefined;
          const file = id.startsWith(".")
            ? path.resolve(path.dirname(importer ?? ROOT), id)
            : createRequire(import.meta.url).resolve(id);
          // The pool's own way to say which kind of module a file is.
          return {
            id: `${file}?mf_vitest_force=${ending === "wasm" ? "CompiledWasm" : "Data"}`,
            external: "absolute",
          };
        },
        load(id) {
          if (id === BUNDLED_POLICY) return `export { bundledPolicy } from ${JSON.stringify(OWN_POLICY)};`;
          return entries.get(id);
        },
        moduleParsed({ id, exports: found }: { id: string; exports: string[] | null }) {
          if (names.has(id)) exports.set(id, found ?? []);
        },
      },
    ],
    ssr: {
      target: "webworker",
      noExternal: true,
      resolve: { conditions: ["workerd", "worker", "browser", "module"] },
    },
    build: {
      ssr: true,
      write: false,
      minify: false,
      target: "esnext",
      rolldownOptions: {
        input: { [STARTED]: `gatehouse:${STARTED}`, [LATER]: `gatehouse:${LATER}` },
        treeshake: false,
        output: {
          banner: REQUIRE,
          strictExecutionOrder: true,
          entryFileNames: "[name].mjs",
          chunkFileNames: "[name]-[hash].mjs",
        },
      },
    },
  });
  if (Array.isArray(output) || !("output" in output)) throw new TypeError("One bundle was expected.");
  mkdirSync(FOLDER, { recursive: true });
  process.once("exit", () => rmSync(FOLDER, { recursive: true, force: true }));
  for (const file of output.output)
    if (file.type === "chunk") writeFileSync(path.join(FOLDER, file.fileName), file.code);
  const isName = (name: string) => /^[A-Za-z_$][\w$]*$/.test(name);
  for (const id of SHARED_PACKAGES) exports.set(id, Object.keys((await import(id)) as object).filter(isName));
  return exports;
}

/** The text of a module that stands for one of the bundle's. */
function reexport(file: string, name: string, exports: readonly string[]): string {
  const lines = exports.map(
    (exported, index) =>
      `const export${index} = ${name}.${exported};\nexport { export${index} as ${exported} };`,
  );
  return [`import { ${name} } from ${JSON.stringify(file)};`, ...lines].join("\n");
}

/** A static import or re-export of values; an import of types alone loads nothing. */
const STATIC = /^(?:import|export)\s+(?!type\b)(?:[^"';]*?\sfrom\s+)?["']([^"']+)["']/gm;

/** The ids of `names` that the Worker loads at its start: what static imports reach from its entry. */
function findStarted(names: ReadonlyMap<string, string>): Set<string> {
  const started = new Set([path.join(ROOT, "workers/index.ts")]);
  for (const id of started) {
    if (!path.isAbsolute(id)) continue;
    for (const [, specifier = ""] of readFileSync(id, "utf8").matchAll(STATIC)) {
      const imported = specifier.startsWith(".") ? path.resolve(path.dirname(id), specifier) : specifier;
      if (names.has(imported)) started.add(imported);
    }
  }
  return started;
}

function listModules(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter(({ name, parentPath }) => /(?<!\.d)\.tsx?$/.test(name) && path.basename(parentPath) !== "view")
    .map((entry) => path.join(entry.parentPath, entry.name));
}
