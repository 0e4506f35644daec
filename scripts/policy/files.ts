import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { policyCases, runCases } from "../../shared/policy/changes/cases.ts";
import { checkAgainst } from "../../shared/policy/changes/check-against.ts";
import type { Known } from "../../shared/policy/changes/known.ts";
import {
  type Mistake,
  type ReadPolicy,
  readPolicy,
  readYaml,
} from "../../shared/policy/changes/read-policy.ts";
import { policyDocument } from "../../shared/policy/schema.ts";
import { CommandFailure } from "../local/failure.ts";
import { ROOT } from "../local/root.ts";
import { readRegistry } from "./catalogue.ts";

/** Project-relative paths of the policy and its files. */
export const POLICY_FILES = {
  policy: "shared/policy/policy.yaml",
  cases: "shared/policy/policy.test.yaml",
  /** The deployed policy. */
  bundled: "shared/policy/policy.json",
  /** JSON Schema for editors. */
  schema: "shared/policy/policy.schema.json",
} as const;

/** A loaded policy file. */
export interface Loaded {
  read: ReadPolicy;
  known: Known;
  /** Mistakes of the file itself and against the registry. */
  mistakes: readonly Mistake[];
}

/** Reads a policy file and checks it. Throws {@link CommandFailure} when the file cannot be read. */
export async function loadPolicy(file: string): Promise<Loaded> {
  const [text, known] = await Promise.all([readText(file), readRegistry()]);
  const read = readPolicy(file, text);
  const mistakes = read.value === null ? read.mistakes : checkAgainst(read.value, known, read.locate);
  return { read, known, mistakes };
}

/** Reads and runs the cases. Returns their number and their mistakes. */
export async function loadCases(
  file: string,
  { read, known }: Loaded,
): Promise<{ count: number; mistakes: readonly Mistake[] }> {
  const cases = readYaml(file, await readText(file), policyCases);
  if (cases.value === null || read.policy === null) return { count: 0, mistakes: cases.mistakes };
  return { count: cases.value.cases.length, mistakes: runCases(read.policy, known, cases) };
}

/** Expected content of the written files, as values: the formatter determines their layout. */
export function writtenFiles({ read }: Loaded): { file: string; content: unknown }[] {
  const schema = { title: "Gatehouse policy", ...z.toJSONSchema(policyDocument) };
  return [
    { file: POLICY_FILES.bundled, content: read.value },
    { file: POLICY_FILES.schema, content: schema },
  ];
}

/** Text of a file, by its path from the project or from the root. Throws {@link CommandFailure}. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(path.resolve(ROOT, file), "utf8");
  } catch (cause) {
    throw new CommandFailure(`${file} cannot be read.`, "Check the path.", cause);
  }
}
