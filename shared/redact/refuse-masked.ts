import { ToolError } from "../call/tool-error.ts";
import { holdsMask, MASK } from "./mask-value.ts";

/**
 * Refuses arguments of a write that hold a masked value: a client that reads a record and sends it back whole would
 * replace what it was not shown. Throws `invalid_input` naming the argument.
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
