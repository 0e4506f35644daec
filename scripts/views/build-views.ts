import { createHash } from "node:crypto";
import { glob, readFile } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";
import { ROOT } from "../local/root.ts";

/** One built view. */
export interface BuiltView {
  /** Path of the file, relative to the project. */
  file: string;
  /** The JSON text: `{ "html": "…" }`. */
  content: string;
  /** Size of the document. */
  bytes: number;
}

/**
 * Builds every view of the built-in servers: `workers/<server>/view/<name>.ts`, with `<name>.css` if it
 * exists, becomes one document with its script and style inside, in `<name>.json`. JSON, because Node,
 * workerd and the tests can all import it.
 */
export async function buildViews(): Promise<BuiltView[]> {
  const sources: string[] = [];
  for await (const file of glob("workers/*/view/*.ts", { cwd: ROOT }))
    sources.push(file.split(path.sep).join("/"));
  return Promise.all(sources.sort().map(buildView));
}

async function buildView(source: string): Promise<BuiltView> {
  const own = path.join(ROOT, source.replace(/\.ts$/, ".css"));
  const [script, shared, style] = await Promise.all([
    bundle({ entryPoints: [path.join(ROOT, source)], format: "iife" }),
    readFile(path.join(ROOT, "shared/web/view/view.css"), "utf8"),
    readFile(own, "utf8").catch(() => ""),
  ]);
  const css = await bundle({ stdin: { contents: shared + style, loader: "css" } });
  const html = writeDocument(path.basename(source, ".ts"), script, css);
  return {
    file: source.replace(/\.ts$/, ".json"),
    content: `${JSON.stringify({ html }, null, 2)}\n`,
    bytes: Buffer.byteLength(html),
  };
}

async function bundle(options: Parameters<typeof build>[0]): Promise<string> {
  const { outputFiles } = await build({
    ...options,
    bundle: true,
    write: false,
    minify: true,
    platform: "browser",
    target: ["chrome123", "firefox120", "safari17.5"],
    charset: "utf8",
    legalComments: "none",
    logLevel: "silent",
  });
  return (outputFiles?.[0]?.text ?? "").trim();
}

/**
 * The hashes allow only these two texts to run and style, even where the client's own policy is lax (CSP 3).
 */
function writeDocument(name: string, script: string, css: string): string {
  const policy = [
    "default-src 'none'",
    `script-src '${hash(script)}'`,
    `style-src '${hash(css)}'`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${name}</title>`,
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<style>${css}</style></head><body><main id="view"></main><script>${script}</script></body></html>`,
  ].join("");
}

function hash(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
