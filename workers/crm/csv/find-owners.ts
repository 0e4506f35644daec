import { ToolError } from "../../../shared/mcp/errors.ts";
import { resolveOwner } from "../resolve.ts";
import { distinct, type ImportContext } from "./plan-import.ts";

/** What is wrong with a cell that names no owner, or several. */
export const NO_OWNER = "This is not exactly one owner: give an e-mail address.";

const MOST_OWNERS = 100;

/** The owner that each text means; texts that mean none, or several, are left out. */
export async function findOwners(
  { store, principal }: Pick<ImportContext, "store" | "principal">,
  texts: readonly (string | undefined)[],
): Promise<Map<string, { id: string | null }>> {
  const names = distinct(texts);
  if (names.length > MOST_OWNERS) {
    throw new ToolError("invalid_input", `The file names over ${MOST_OWNERS} owners. Split it by owner.`);
  }
  const found = await Promise.all(
    names.map(async (name): Promise<[string, { id: string | null }][]> => {
      try {
        return [[name, { id: (await resolveOwner(store, principal, name))?.id ?? null }]];
      } catch (failure) {
        if (failure instanceof ToolError) return [];
        throw failure;
      }
    }),
  );
  return new Map(found.flat());
}
