/**
 * Suffixes of names that are never public: special-use names (RFC 6761, RFC 6762, RFC 8375, RFC 9476),
 * `internal`, which ICANN reserves for private networks, and those that home routers and companies use.
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
 * Why an untrusted address (from a client, a document, an argument) must not be requested; `null` if it may
 * be. Only hosts with a public name are allowed: no IP address in any spelling, no loopback or private name,
 * no name without a dot. A public name that resolves to a private address is not detected here; a deployed
 * Worker cannot reach such an address (`global_fetch_strictly_public`).
 *
 * @param address - as received. The URL standard normalises every spelling of an IPv4 address (`2130706433`,
 * `0x7f000001`, `127.1`, full-width digits)
 */
export function findAddressFault(address: string | URL): string | null {
  const url = URL.parse(String(address));
  if (url === null) return "it is no address";
  // A trailing dot names the DNS root and is ignored.
  const host = url.hostname.toLowerCase().replace(/\.+$/, "");
  if (host === "") return "it names no host";
  if (host.startsWith("[") || /^\d+(?:\.\d+){3}$/.test(host)) return "it is an IP address and no name";
  const labels = host.split(".");
  // Browsers and resolvers treat a numeric last label as an IP address (URL standard, «ends in a number»).
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "")) return "it is an IP address and no name";
  if (PRIVATE_ENDINGS.includes(labels.at(-1) ?? "")) return "it is the name of a private host";
  return labels.length < 2 ? "it is the name of a private host" : null;
}
