import { z } from "zod";

/** What an issuer says about a person or a workload. */
export type Claims = Readonly<Record<string, unknown>>;

const claimPath = z
  .string()
  .regex(/^[^\s]{1,200}$/, "must be the name of a claim; names inside of objects are joined by dots");

/** Values of which one must be there. */
export const claimValues = z.array(z.string().min(1).max(500)).min(1).max(1_000);

/** Claims by name, each with the values of which one must be there. */
export const claimsSchema = z
  .record(claimPath, claimValues)
  .refine((claims) => Object.keys(claims).length > 0, "must name a claim");

/** Wanted claims, as a rule of the policy writes them. */
export type WantedClaims = z.output<typeof claimsSchema>;

/** Whether all wanted claims are there, each with one of its values. */
export function hasClaims(claims: Claims, wanted: WantedClaims): boolean {
  return Object.entries(wanted).every(([path, values]) =>
    readClaim(claims, path).some((value) => values.includes(value)),
  );
}

/**
 * The values of a claim as text: of a list, its texts; of a flag, `true` or `false`. A claim whose own name has dots
 * (a namespace such as `https://example.com/groups`) comes before one inside of objects.
 */
export function readClaim(claims: Claims, path: string): string[] {
  return toTexts(Object.hasOwn(claims, path) ? claims[path] : walk(claims, path.split(".")));
}

function walk(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return value;
  if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
    return undefined;
  return walk((value as Record<string, unknown>)[name], rest);
}

function toTexts(value: unknown): string[] {
  if (Array.isArray(value)) return value.filter((item) => typeof item === "string");
  if (typeof value === "string") return [value];
  return typeof value === "boolean" ? [String(value)] : [];
}
