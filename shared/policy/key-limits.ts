import type { KeyLimits } from "../call/principal.ts";
import { hasCertificate } from "./conditions/certificate.ts";
import { compileGlobs, type GlobMatch } from "./glob.ts";
import { compileNetworks } from "./network.ts";

/** The part of a key's limits that a decision asks. */
export type KeyReach = Pick<KeyLimits, "tools" | "networks" | "certificates">;

interface Compiled {
  names: (name: string) => GlobMatch | null;
  networks: (ip: string | null) => boolean;
}

/** Limits belong to one identity, so they are compiled once per request. */
const compiled = new WeakMap<KeyReach, Compiled>();

/**
 * Why an API key may not use something that its owner's role may; `null` if it may. A rule outside of the policy:
 * `key.networks`, `key.certificates` or `key.tools`, each with a sentence for the client.
 *
 * @param from - peer address, or `null` when unknown: it is then in no network; and the verified client certificate
 * @param ownMemory - the tool only touches the caller's own session memory: no list of tools leaves it out
 */
export function findKeyLimit(
  limits: KeyReach,
  { ip, certificate }: { ip: string | null; certificate?: string },
  name: string,
  ownMemory: boolean,
): { rule: string; reason: string } | null {
  const { names, networks } = compileOnce(limits);
  if (limits.networks.length > 0 && !networks(ip)) {
    return { rule: "key.networks", reason: "This API key may not be used from this network." };
  }
  const { certificates = [] } = limits;
  if (certificates.length > 0 && !hasCertificate(certificate, certificates)) {
    return { rule: "key.certificates", reason: "This API key needs its client certificate." };
  }
  if (limits.tools.length > 0 && !ownMemory && names(name) === null) {
    return { rule: "key.tools", reason: `This API key does not include ${name}.` };
  }
  return null;
}

function compileOnce(limits: KeyReach): Compiled {
  let found = compiled.get(limits);
  if (found === undefined) {
    found = { names: compileGlobs(limits.tools), networks: compileNetworks(limits.networks) };
    compiled.set(limits, found);
  }
  return found;
}
