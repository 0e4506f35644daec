import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { NEGATIVES_FILE, type Negative } from "./redaction/negatives.ts";

/**
 * Writes the negatives of the redaction corpus: sentences and code lines of the Markdown in installed packages.
 * The rule is fixed, so that the choice cannot favour the detector: every line of 40 to 300 characters, at most
 * 25 per package in the order of their SHA-256, then 2,400 in that order. Lines with an e-mail address are
 * omitted; a digest assigns each line to a half.
 *
 *   node scripts/bench/redaction-corpus.ts
 */

const LICENCES = ["MIT", "Apache-2.0", "ISC", "0BSD", "BSD-2-Clause", "BSD-3-Clause"];
const LENGTH = { least: 40, most: 300 };
const A_PACKAGE = 25;
const IN_ALL = 2_400;
const HOLDS_ADDRESS = /[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/i;

const root = path.resolve("node_modules");
const lines = new Map<string, { order: string; negative: Negative }>();
for (const name of await listPackages()) {
  const found = await readPackage(name);
  found.sort((a, b) => a.order.localeCompare(b.order));
  for (const entry of found.slice(0, A_PACKAGE)) lines.set(entry.order, entry);
}
const chosen = [...lines.values()].sort((a, b) => a.order.localeCompare(b.order)).slice(0, IN_ALL);
await writeFile(NEGATIVES_FILE, chosen.map(({ negative }) => `${JSON.stringify(negative)}\n`).join(""));
console.log(`${chosen.length} lines written to ${NEGATIVES_FILE}`);

async function listPackages(): Promise<string[]> {
  const names: string[] = [];
  for (const name of await readdir(root)) {
    if (name.startsWith(".")) continue;
    if (!name.startsWith("@")) names.push(name);
    else for (const scoped of await readdir(path.join(root, name))) names.push(`${name}/${scoped}`);
  }
  return names.sort();
}

async function readPackage(name: string): Promise<{ order: string; negative: Negative }[]> {
  const folder = path.join(root, name);
  const manifest = await readFile(path.join(folder, "package.json"), "utf8").catch(() => "{}");
  const { version, license } = JSON.parse(manifest) as { version?: string; license?: unknown };
  if (typeof license !== "string" || !LICENCES.includes(license)) return [];
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  const documents = files.filter((file) => file.endsWith(".md") && !file.includes("node_modules"));
  const found: { order: string; negative: Negative }[] = [];
  for (const file of documents) {
    const text = await readFile(path.join(folder, file), "utf8").catch(() => "");
    for (const line of text.split("\n").map((part) => part.trim())) {
      if (line.length < LENGTH.least || line.length > LENGTH.most || HOLDS_ADDRESS.test(line)) continue;
      const order = createHash("sha256").update(line).digest("hex");
      const half = Number.parseInt(order.slice(-1), 16) % 2 === 0 ? "tuning" : "held-out";
      found.push({
        order,
        negative: { text: line, half, source: `${name}@${version}/${file}`, licence: license },
      });
    }
  }
  return found;
}
