import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** An installed package with Markdown documentation that may be redistributed. */
export interface DocumentedPackage {
  name: string;
  version: string;
  /** SPDX identifier. */
  licence: string;
  /** The copyright line of its licence file; empty if the file has none. */
  copyright: string;
  /** Absolute path of its `docs` folder. */
  folder: string;
}

/** Licences that allow copies with attribution, each with required words of its text. */
const LICENCE_TEXTS: Readonly<Record<string, RegExp>> = {
  MIT: /Permission is hereby granted, free of charge/i,
  "Apache-2.0": /Apache License/i,
  ISC: /Permission to use, copy, modify/i,
  "0BSD": /Permission to use, copy, modify/i,
  "BSD-2-Clause": /Redistribution and use in source and binary forms/i,
  "BSD-3-Clause": /Redistribution and use in source and binary forms/i,
};

/**
 * Finds installed packages with a `docs` folder under a licence that allows copies. Requires both the licence
 * in the manifest and its text in the package.
 */
export async function findDocumentedPackages(nodeModules: string): Promise<DocumentedPackage[]> {
  const found = await Promise.all(
    (await listPackages(nodeModules)).map((name) => inspectPackage(nodeModules, name)),
  );
  return found.filter((entry) => entry !== undefined);
}

async function listPackages(nodeModules: string): Promise<string[]> {
  const names: string[] = [];
  for (const name of (await readdir(nodeModules)).sort()) {
    if (name.startsWith("@")) {
      for (const scoped of (await readdir(path.join(nodeModules, name))).sort())
        names.push(`${name}/${scoped}`);
    } else if (!name.startsWith(".")) names.push(name);
  }
  return names;
}

async function inspectPackage(nodeModules: string, name: string): Promise<DocumentedPackage | undefined> {
  const root = path.join(nodeModules, name);
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const folder = entries.find((entry) => entry.isDirectory() && entry.name === "docs");
  const licenceFile = entries.find(
    (entry) => entry.isFile() && /^licen[cs]e(?:\.(?:md|txt))?$/i.test(entry.name),
  );
  if (!folder || !licenceFile) return undefined;
  const manifest: unknown = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  const { version, licence } = readManifest(manifest);
  const text = await readFile(path.join(root, licenceFile.name), "utf8");
  // Some files wrap the licence in the middle of a sentence.
  if (!LICENCE_TEXTS[licence]?.test(text.replace(/\s+/g, " "))) return undefined;
  const copyright = /\bcopyright (?:\(c\)|©|\d{4}).*/i.exec(text)?.[0].trim() ?? "";
  return { name, version, licence, copyright, folder: path.join(root, "docs") };
}

function readManifest(manifest: unknown): { version: string; licence: string } {
  const { version, license } = (manifest ?? {}) as Record<string, unknown>;
  return {
    version: typeof version === "string" ? version : "",
    licence: typeof license === "string" ? license : "",
  };
}
