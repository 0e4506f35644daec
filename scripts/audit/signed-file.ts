import { readFile } from "node:fs/promises";
import { checkStatement, statementNameOf } from "../../shared/audit/export-statement.ts";
import { describeFile } from "../backup/manifest.ts";

/**
 * Compares an export with the signed statement next to it, which a scheduled export has. Returns one line about it, and
 * whether it holds; `null` without a statement.
 */
export async function checkSignedFile(
  file: string,
  trusted: readonly string[],
): Promise<{ text: string; holds: boolean } | null> {
  const statement = await readFile(statementNameOf(file), "utf8").catch(() => null);
  if (statement === null) return null;
  const checked = await checkStatement(statement, (await describeFile(file)).sha256, trusted);
  if ("fault" in checked) return { text: checked.fault, holds: false };
  const { at, environment } = checked.statement;
  const when = new Date(at).toISOString();
  return {
    text: `The file is as ${environment} signed it at ${when} with the key ${checked.keyId}.`,
    holds: true,
  };
}
