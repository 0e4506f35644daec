import type { JudgedStatement } from "../judge/statement.ts";
import type { AnsweredColumn } from "./operation.ts";

/**
 * Whether an answer has the columns of the judged statement and no other, compared without upper and lower case. A `*`
 * may bring them in another sequence, and fewer: a column of USING comes once, and some are not part of it.
 */
export function hasJudgedColumns(
  answered: readonly Pick<AnsweredColumn, "name">[],
  { columns, hasStar }: Pick<JudgedStatement, "columns" | "hasStar">,
): boolean {
  const expected = columns.map((name) => name?.toLowerCase() ?? null);
  const names = answered.map(({ name }) => name.toLowerCase());
  const isSame = (name: string, wanted: string | null | undefined) =>
    wanted === null || (wanted !== undefined && fits(name, wanted, expected));
  if (!hasStar)
    return names.length === expected.length && names.every((name, at) => isSame(name, expected[at]));
  const left = [...expected];
  return names.every((name) => {
    const named = left.findIndex((wanted) => wanted !== null && isSame(name, wanted));
    const found = named === -1 ? left.indexOf(null) : named;
    if (found === -1) return false;
    left.splice(found, 1);
    return true;
  });
}

/** ClickHouse puts the table before a name, and the driver of Oracle a number behind one that comes twice. */
function fits(name: string, wanted: string, all: readonly (string | null)[]): boolean {
  if (name === wanted || name.endsWith(`.${wanted}`)) return true;
  const isTwice = all.indexOf(wanted) !== all.lastIndexOf(wanted);
  return isTwice && name.startsWith(`${wanted}_`) && /^\d+$/.test(name.slice(wanted.length + 1));
}
