import { type PublicKey, readPublicKey } from "../../../shared/auth/public-key.ts";
import {
  KEY_DAYS,
  type KeyRequest,
  keyRequest,
  OVERLAP_HOURS,
  type Proof,
  splitList,
} from "../../../shared/people/key-request.ts";
import type { Policy } from "../../../shared/policy/compile.ts";
import { roleMayHold } from "../../../shared/policy/current.ts";
import type { Resource } from "../oauth/resources.ts";

/** What a person typed, as the form shows it again after a mistake. */
export interface TypedKey {
  name: string;
  resources: readonly string[];
  scopes: readonly string[];
  tools: string;
  networks: string;
  certificates: string;
  days: string;
  proof: string;
  publicKey: string;
}

/** The form before anything is typed. */
export function emptyKey(resources: readonly Resource[]): TypedKey {
  const everything = resources.find(({ server }) => server === null);
  return {
    name: "",
    resources: everything ? [everything.path] : [],
    scopes: everything ? everything.baseline : [],
    tools: "",
    networks: "",
    certificates: "",
    days: String(KEY_DAYS.default),
    proof: "secret",
    publicKey: "",
  };
}

/** Reads the form as it was typed. */
export function readTyped(form: URLSearchParams): TypedKey {
  return {
    name: form.get("name") ?? "",
    resources: [...new Set(form.getAll("resource"))],
    scopes: [...new Set(form.getAll("scope"))],
    tools: form.get("tools") ?? "",
    networks: form.get("networks") ?? "",
    certificates: form.get("certificates") ?? "",
    days: form.get("days") ?? "",
    proof: form.get("proof") ?? "secret",
    publicKey: form.get("public_key") ?? "",
  };
}

/** Words of the form for the fields of a request. */
const FIELDS: Readonly<Record<string, string>> = {
  name: "Name",
  resources: "MCP addresses",
  scopes: "Permissions",
  tools: "Tools",
  networks: "Networks",
  certificates: "Certificates",
  days: "Days",
  proof: "How it proves itself",
};

/**
 * Checks what was typed: the forms of each field, and that this deployment has the addresses and the person's role the
 * permissions. The form is untrusted; this check decides. Returns the request, or a sentence about the first mistake.
 */
export function checkTyped(
  typed: TypedKey,
  resources: readonly Resource[],
  policy: Policy,
  role: string,
): KeyRequest | string {
  const { tools, networks, certificates, publicKey: _key, ...rest } = typed;
  const parsed = keyRequest.safeParse({
    ...rest,
    tools: splitList(tools),
    networks: splitList(networks),
    certificates: splitList(certificates),
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = FIELDS[String(issue?.path[0])] ?? "This form";
    return `${field}: ${issue?.message ?? "not possible"}.`;
  }
  const chosen = resources.filter(({ path }) => parsed.data.resources.includes(path));
  if (chosen.length < parsed.data.resources.length) return "MCP addresses: one is not served here.";
  const isPossible = (scope: string) =>
    roleMayHold(policy, role, scope) &&
    chosen.some(({ servers }) => servers.some(({ scopes }) => Object.hasOwn(scopes, scope)));
  if (!parsed.data.scopes.every(isPossible)) {
    return "Permissions: one does not belong to your role, or to the chosen addresses.";
  }
  return parsed.data;
}

/** The public key of an account that proves itself with one: the key, or a sentence about what is wrong. */
export async function readTypedKey(proof: Proof, text: string): Promise<{ publicKey?: PublicKey } | string> {
  if (proof !== "public_key") return {};
  const key = await readPublicKey(text);
  return typeof key === "string" ? `Public key: ${key}.` : { publicKey: key };
}

/** Milliseconds that earlier secrets still work after a rotation; `null` for a value that the page does not offer. */
export function readOverlap(form: URLSearchParams): number | null {
  const typed = form.get("overlap") ?? "";
  const hours = typed === "" ? Number.NaN : Number(typed);
  const possible = Number.isInteger(hours) && hours >= 0 && hours <= OVERLAP_HOURS.max;
  return possible ? hours * 3_600_000 : null;
}
