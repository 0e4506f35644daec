/**
 * Endings of names that no public host has: special-use names (RFC 6761, RFC 6762, RFC 8375, RFC 9476), `internal`, which
 * ICANN set aside for private networks, and what house routers and companies use.
 */
const PRIVATE_ENDINGS = [
  "localhost",
  "localdomain",
  "local",
  "internal",
  "intranet",
  "private",
  "corp",
  "home",
  "lan",
  "arpa",
  "onion",
  "alt",
  "test",
  "invalid",
];

/**
 * Why an address that came from outside (from a client, a document, an argument) is not asked; `null` for one that may be.
 * What is allowed is a host with a public name: no IP address in any spelling, no loopback or private name, no name
 * without a dot. A name that its owner points at a private address is not seen here: a deployed Worker cannot reach
 * such an address (`global_fetch_strictly_public`).
 *
 * @param address - as it came. The URL standard gives every spelling of an IPv4 address (`2130706433`, `0x7f000001`,
 *   `127.1`, full-width digits) its one form
 */
export function findAddressFault(address: string | URL): string | null {
  const url = URL.parse(String(address));
  if (url === null) return "it is no address";
  // With the dot of the root a name is the same name.
  const host = url.hostname.toLowerCase().replace(/\.+$/, "");
  if (host === "") return "it names no host";
  if (host.startsWith("[") || /^\d+(?:\.\d+){3}$/.test(host)) return "it is an IP address and no name";
  const labels = host.split(".");
  // Browsers and resolvers take a last label of digits for an address (URL standard, «ends in a number»).
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "")) return "it is an IP address and no name";
  if (PRIVATE_ENDINGS.includes(labels.at(-1) ?? "")) return "it is the name of a private host";
  return labels.length < 2 ? "it is the name of a private host" : null;
}
