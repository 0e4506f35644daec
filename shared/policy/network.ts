interface Address {
  bits: 32 | 128;
  value: bigint;
}

/**
 * Compiles CIDR blocks (RFC 4632, RFC 4291 §2.3) to a test of one peer address. `null` and invalid addresses
 * are in no network. An IPv4 address in IPv6 form (`::ffff:192.0.2.1`) is compared as IPv4.
 */
export function compileNetworks(blocks: readonly string[]): (ip: string | null) => boolean {
  const networks = blocks.map((block) => {
    const [text = "", length = ""] = block.split("/");
    const address = parseAddress(text);
    if (address === null) throw new TypeError(`"${block}" is not a network.`);
    const host = BigInt(address.bits - Number(length));
    return { bits: address.bits, host, prefix: address.value >> host };
  });
  return (ip) => {
    const address = ip === null ? null : parseAddress(ip);
    if (address === null) return false;
    return networks.some(
      ({ bits, host, prefix }) => bits === address.bits && address.value >> host === prefix,
    );
  };
}

/**
 * The network of one subscriber: an IPv4 address itself, or the /64 of an IPv6 address (RFC 6177 §2), in
 * canonical spelling. `null` for an invalid address.
 */
export function siteOf(ip: string | null): string | null {
  const address = ip === null ? null : parseAddress(ip);
  if (address === null) return null;
  const { bits, value } = address;
  const parts = (count: number, width: bigint) =>
    Array.from(
      { length: count },
      (_, at) => (value >> (BigInt(bits) - width * BigInt(at + 1))) & ((1n << width) - 1n),
    );
  if (bits === 32) return parts(4, 8n).join(".");
  return `${parts(4, 16n)
    .map((part) => part.toString(16))
    .join(":")}::/64`;
}

function parseAddress(text: string): Address | null {
  const v4 = parseV4(text);
  if (v4 !== null) return { bits: 32, value: v4 };
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1];
  const inner = mapped === undefined ? null : parseV4(mapped);
  if (inner !== null) return { bits: 32, value: inner };
  const v6 = parseV6(text);
  return v6 === null ? null : { bits: 128, value: v6 };
}

function parseV4(text: string): bigint | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return null;
  const octets = text.split(".").map(Number);
  if (octets.some((octet) => octet > 255)) return null;
  return octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

function parseV6(text: string): bigint | null {
  if (!/^[0-9a-f:]{2,39}$/i.test(text)) return null;
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head = [], tail = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}
