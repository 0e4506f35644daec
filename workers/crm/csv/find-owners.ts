import { ToolError } from "../../../shared/call/tool-error.ts";
import { resolveOwner } from "../resolve.ts";
import { distinct } from "./distinct.ts";
import type { ImportContext } from "./plan-import.ts";

/** Problem of a cell that matches no owner, or several. */
export const NO_OWNER = "This is not exactly one owner: give an e-mail address.";

const MOST_OWNERS = 100;

/** The owner that each text matches; `null` for texts that match none, or several. */
export async function findOwners(
  { store, principal, owners }: ImportContext,
  texts: readonly (string | undefined)[],
): Promise<ImportContext["owners"]> {
  const names = distinct(texts);
  if (names.length > MOST_OWNERS) {
    throw new ToolError("invalid_input", `The file names over ${MOST_OWNERS} owners. Split it by owner.`);
  }
  await Promise.all(
    names.map(async (name) => {
      if (owners.has(name)) return;
      try {
        owners.set(name, { id: (await resolveOwner(store, principal, name))?.id ?? null });
      } catch (failure) {
        if (!(failure instanceof ToolError)) throw failure;
        owners.set(name, null);
      }
    }),
  );
  return new Map(names.map((name) => [name, owners.get(name) ?? null]));
}
