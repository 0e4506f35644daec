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

/**
 * The URI under which a resource of a connection is offered: `<connection>:<uri>`, or the URI itself if its
 * scheme is the connection's name. So no other system can offer a URI of a built-in server or of another connection.
 */
export function foreignAddress(connection: string, uri: string): string {
  return uri.toLowerCase().startsWith(`${connection}:`) ? uri : `${connection}:${uri}`;
}

/** The URI at the other system, for one of {@link foreignAddress}. */
export function originalAddress(connection: string, address: string): string {
  const rest = address.slice(connection.length + 1);
  // Behind the prefix stands a URI with a scheme of its own, unless the scheme is the connection's name.
  return /^[A-Za-z][A-Za-z0-9+.-]*:/.test(rest) ? rest : address;
}
