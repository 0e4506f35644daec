import { digestText } from "../encoding/canonical-json.ts";

/** Longest name of a tool or prompt that every host takes. */
const LONGEST = 64;

/**
 * The name under which an item of a connection is offered: `<connection>_<name>`, or the name itself if it
 * begins so already. A pure function, whatever else the connection offers. A name that has other characters or
 * is too long is rewritten and ends with eight digits of its SHA-256, so that two of them stay apart.
 */
export function foreignName(connection: string, name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_-]/g, "_");
  const whole = plain.startsWith(`${connection}_`) ? plain : `${connection}_${plain}`;
  if (plain === name && whole.length <= LONGEST) return whole;
  return `${whole.slice(0, LONGEST - 9)}_${digestText(name).slice(0, 8)}`;
}
