import { ToolError } from "../call/tool-error.ts";
import { holdsMask, MASK } from "./mask-value.ts";

/**
 * Throws `invalid_input` naming the argument if the arguments of a write contain a masked value: a client
 * that reads a masked record and sends it back would overwrite the hidden values.
 */
export function refuseMasked(args: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(args)) {
    if (!holdsMaskWithin(value)) continue;
    throw new ToolError(
      "invalid_input",
      `${name}: ${MASK} stands for something that this role is not shown.`,
      {
        suggestedAction: `Leave ${name} out to keep what is stored, or give the whole real value.`,
      },
    );
  }
}

function holdsMaskWithin(value: unknown): boolean {
  if (typeof value === "string") return holdsMask(value);
  return typeof value === "object" && value !== null && Object.values(value).some(holdsMaskWithin);
}
