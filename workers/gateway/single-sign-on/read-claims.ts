import { z } from "zod";
import { toDisplayText } from "../../../shared/text/display-text.ts";

/** Longest name of a person, in characters. */
const NAME_LENGTH = 120;

const address = z
  .email()
  .max(254)
  .transform((text) => text.toLowerCase());

/** An e-mail address from outside, in lower case; `null` if it is none. */
export function readEmail(value: unknown): string | null {
  return address.safeParse(value).data ?? null;
}

/** A name from outside without what is not displayed; `null` if nothing is left. */
export function readName(value: unknown): string | null {
  return typeof value === "string" ? toDisplayText(value, NAME_LENGTH) || null : null;
}
