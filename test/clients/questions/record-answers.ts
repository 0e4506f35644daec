import { writeFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "../../../scripts/local/root.ts";

/** Writes the measured costs for `npm run check`, if `GATEHOUSE_RECORD_ANSWERS=1` is set. */
export async function recordAnswers(typical: Readonly<Record<string, number>>): Promise<void> {
  if (process.env.GATEHOUSE_RECORD_ANSWERS !== "1") return;
  const file = path.join(ROOT, "scripts/check/typical-answers.json");
  await writeFile(file, `${JSON.stringify(typical, null, 2)}\n`);
}
