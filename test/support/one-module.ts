import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
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

/** Where the bundle lies, as long as the run takes; the runtime imports it as a file. */
const BUNDLE = path.join(os.tmpdir(), `gatehouse-tests-${process.pid}`, "worker.mjs");
const IS_BUNDLE = /\/gatehouse-tests-\d+\/worker\.mjs$/;
const IS_NOT_BUNDLE = /^(?!.*\/gatehouse-tests-\d+\/worker\.mjs$)/;

/**
 * Serves the Worker's code to the tests as one file, which the runtime imports by itself. Every test file starts a
 * runtime of its own, and a thousand modules that travel there one by one take most of a file's time. A test that
 * imports a single module gets its exports from the instance that the Worker uses.
 */
export async function serveAsOneModule(): Promise<Plugin[]> {
  const files = FOLDERS.flatMap(listModules);
  const names = new Map([...files, ...SHARED_PACKAGES].map((id, index) => [id, `module${index}`]));
  const exports = await bundle(names);
  const modules: Plugin = {
    name: "gatehouse:one-module",
    enforce: "pre",
    resolveId(id) {
      if (id === BUNDLE) return id;
      return SHARED_PACKAGES.includes(id) ? `\0package:${id}` : undefined;
    },
    load(id) {
      const module = id.replace("\0package:", "");
      const name = names.get(module);
      return name === undefined ? undefined : { code: reexport(name, exports.get(module) ?? []), map: null };
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
async function bundle(names: ReadonlyMap<string, string>): Promise<Map<string, readonly string[]>> {
  const exports = new Map<string, readonly string[]>();
  const entry = [...names].map(([id, name]) => `export * as ${name} from ${JSON.stringify(id)};`).join("\n");
  const output = await build({
    configFile: false,
    root: ROOT,
    logLevel: "error",
    plugins: [
      {
        name: "gatehouse:entry",
        enforce: "pre",
        resolveId(id, importer) {
          if (id === "gatehouse:entry") return "\0gatehouse:entry";
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
          if (id === "\0gatehouse:entry") return entry;
          return id === BUNDLED_POLICY
            ? `export { bundledPolicy } from ${JSON.stringify(OWN_POLICY)};`
            : undefined;
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
        input: "gatehouse:entry",
        treeshake: false,
        output: { codeSplitting: false, banner: REQUIRE },
      },
    },
  });
  if (Array.isArray(output) || !("output" in output)) throw new TypeError("One bundle was expected.");
  mkdirSync(path.dirname(BUNDLE), { recursive: true });
  process.once("exit", () => rmSync(path.dirname(BUNDLE), { recursive: true, force: true }));
  writeFileSync(BUNDLE, output.output[0].code);
  const isName = (name: string) => /^[A-Za-z_$][\w$]*$/.test(name);
  for (const id of SHARED_PACKAGES) exports.set(id, Object.keys((await import(id)) as object).filter(isName));
  return exports;
}

/** The text of a module that stands for one of the bundle's. */
function reexport(name: string, exports: readonly string[]): string {
  const lines = exports.map(
    (exported, index) =>
      `const export${index} = ${name}.${exported};\nexport { export${index} as ${exported} };`,
  );
  return [`import { ${name} } from ${JSON.stringify(BUNDLE)};`, ...lines].join("\n");
}

function listModules(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter(({ name, parentPath }) => /(?<!\.d)\.tsx?$/.test(name) && path.basename(parentPath) !== "view")
    .map((entry) => path.join(entry.parentPath, entry.name));
}
