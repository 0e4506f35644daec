import type { Proof } from "../../shared/people/key-request.ts";
import type { KeyRow } from "../../shared/people/keys.ts";

const PROOFS: Readonly<Partial<Record<Proof, string>>> = {
  public_key: "signs with its private key",
  workload: "for workloads of a trusted issuer",
};

/** A key in three lines, for a terminal. Times are days or minutes in UTC. */
export function describeKey(key: KeyRow, now: number): string {
  const list = (text: string) => (JSON.parse(text) as string[]).join(" ");
  const state = key.ends_at <= now ? `ended ${day(key.ends_at)}` : `ends ${day(key.ends_at)}`;
  const overlap = key.overlap_ends_at !== null && key.overlap_ends_at > now;
  const used = key.last_used_at === null ? "not used yet" : `last used ${minute(key.last_used_at)}`;
  const limits = [
    list(key.tools) && `tools ${list(key.tools)}`,
    list(key.networks) && `from ${list(key.networks)}`,
    list(key.certificates) && `with certificate ${list(key.certificates)}`,
  ];
  return [
    `${key.id}  ${key.name} (${PROOFS[key.proof] ?? `gatehouse_key_${key.hint}…`})`,
    `  of ${key.team === null ? key.owner : `the team ${key.team}`}; ${state}; ${used}${overlap ? `; an earlier secret works until ${minute(key.overlap_ends_at ?? 0)}` : ""}`,
    `  ${[list(key.resources), list(key.scopes), ...limits].filter((part) => part !== "").join("; ")}`,
  ].join("\n");
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function minute(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
