import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseSync } from "vite";
import { ROOT } from "../local/root.ts";
import { listSourceFiles } from "./source-files.ts";

/**
 * One use of one module: an import, a re-export, an `import()`, an `import("…").Type`, or its path as a
 * string.
 */
export interface ModuleImport {
  /** As written. */
  specifier: string;
  /** Project-relative path for a relative specifier, otherwise `null`. */
  file: string | null;
  /** Imported names; `"*"` stands for all of them, an empty list for an import with side effects only. */
  names: readonly string[];
  line: number;
}

/** One exported name of a module. */
export interface ModuleExport {
  name: string;
  line: number;
  /** An interface or a type alias. */
  isType: boolean;
  /** Whether the module itself uses the name after its declaration. */
  usedInside: boolean;
}

/** One source file. Paths are relative to the project, with `/`. */
export interface SourceModule {
  file: string;
  imports: readonly ModuleImport[];
  exports: readonly ModuleExport[];
}

/**
 * Parses every TypeScript file under the given folders with the parser of vite: TypeScript 7 has no stable
 * programming interface yet, and these checks need syntax only.
 */
export async function readModules(folders: readonly string[]): Promise<SourceModule[]> {
  const files = await listSourceFiles(folders);
  return Promise.all(
    files.map(async (file) => parseModule(file, await readFile(path.join(ROOT, file), "utf8"))),
  );
}

/** Parses one module. Throws with file and message when it is not valid TypeScript. */
export function parseModule(file: string, source: string): SourceModule {
  const { program, module, errors } = parseSync(file, source);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${file}: ${error.message}`);
  const lineOf = createLineFinder(source);
  const found = scanProgram(program);
  const imports: ModuleImport[] = [];
  const add = (specifier: string, names: string[], offset: number) =>
    imports.push({ specifier, file: resolveSpecifier(file, specifier), names, line: lineOf(offset) });

  for (const statement of module.staticImports) {
    const names = statement.entries.map(({ importName }) => nameOf(importName));
    add(statement.moduleRequest.value, names, statement.start);
  }
  const exports: ModuleExport[] = [];
  for (const statement of module.staticExports) {
    for (const entry of statement.entries) {
      // A name that was imported above and is exported again has its source here; that import counts once.
      if (entry.moduleRequest !== null) {
        add(entry.moduleRequest.value, [nameOf(entry.importName)], statement.start);
      }
      const name = nameOf(entry.exportName);
      if (name === "*") continue;
      const local = entry.localName.name ?? name;
      exports.push({
        name,
        line: lineOf(entry.start),
        isType: entry.isType,
        usedInside: (found.identifiers.get(local) ?? 0) > 1,
      });
    }
  }
  for (const { specifier, offset } of found.wholeModules) add(specifier, ["*"], offset);
  return { file, imports, exports };
}

function nameOf(name: { kind: string; name: string | null }): string {
  if (name.kind === "Default") return "default";
  return name.name ?? "*";
}

function resolveSpecifier(file: string, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  return path.posix.join(path.posix.dirname(file), specifier);
}

function createLineFinder(source: string): (offset: number) => number {
  const ends = [...source.matchAll(/\n/g)].map(({ index }) => index);
  return (offset) => ends.filter((end) => end < offset).length + 1;
}

interface ProgramFindings {
  /** Number of occurrences of each identifier, its declaration included. */
  identifiers: ReadonlyMap<string, number>;
  /** Modules that are used as a whole. */
  wholeModules: readonly { specifier: string; offset: number }[];
}

/** Node types whose `source` module is handled elsewhere. */
const MODULE_NODES = [
  "ImportDeclaration",
  "ExportNamedDeclaration",
  "ExportAllDeclaration",
  "ImportExpression",
  "TSImportType",
];

function scanProgram(program: object): ProgramFindings {
  const identifiers = new Map<string, number>();
  const wholeModules: { specifier: string; offset: number }[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const item of node) visit(item);
      return;
    }
    if (!isNode(node)) return;
    if (node.type === "Identifier" || node.type === "JSXIdentifier") {
      const name = String(node.name);
      identifiers.set(name, (identifiers.get(name) ?? 0) + 1);
    }
    if (node.type === "ImportExpression" || node.type === "TSImportType") {
      const { value } = node.source as SyntaxNode;
      if (typeof value === "string") wholeModules.push({ specifier: value, offset: node.start });
    }
    // Configuration files name set-up files as strings.
    if (node.type === "Literal" && typeof node.value === "string" && /^\.\.?\/.+\.tsx?$/.test(node.value)) {
      wholeModules.push({ specifier: node.value, offset: node.start });
    }
    const isModuleNode = MODULE_NODES.includes(node.type);
    for (const [key, child] of Object.entries(node)) if (key !== "source" || !isModuleNode) visit(child);
  };
  visit(program);
  return { identifiers, wholeModules };
}

interface SyntaxNode extends Record<string, unknown> {
  type: string;
  start: number;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
