import { CommandFailure } from "./failure.ts";

/**
 * Parses the number of a flag. Throws a {@link CommandFailure} for anything but a whole number from 1 to
 * `most`.
 */
export function parseWholeNumber(flag: string, text: string, most = 1_000_000): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new CommandFailure(`--${flag} ${text} is not possible.`, `Use a whole number from 1 to ${most}.`);
}
