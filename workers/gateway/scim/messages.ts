import { z } from "zod";

/** URNs of RFC 7643 §8.7 and RFC 7644 §3.12. */
export const URN = {
  user: "urn:ietf:params:scim:schemas:core:2.0:User",
  group: "urn:ietf:params:scim:schemas:core:2.0:Group",
  list: "urn:ietf:params:scim:api:messages:2.0:ListResponse",
  error: "urn:ietf:params:scim:api:messages:2.0:Error",
} as const;

/** A refusal in the words of RFC 7644 §3.12. The detail is ours. */
export class ScimError extends Error {
  readonly status: 400 | 401 | 404 | 405 | 409 | 413 | 415 | 429 | 501;
  readonly scimType: string | undefined;

  constructor(status: ScimError["status"], detail: string, scimType?: string) {
    super(detail);
    this.name = "ScimError";
    this.status = status;
    this.scimType = scimType;
  }
}

const text = z.string().max(1_000);
/** Entra ID sends `"False"`. */
const flag = z.union([z.boolean(), z.string().transform((value) => value.toLowerCase() === "true")]);

/** What a client may send about a person (RFC 7643 §4.1); what Gatehouse does not keep is left out. */
export const userBody = z.object({
  userName: text.min(1),
  externalId: text.nullish(),
  displayName: text.nullish(),
  name: z
    .object({ formatted: text.nullish(), givenName: text.nullish(), familyName: text.nullish() })
    .partial()
    .nullish(),
  emails: z
    .array(z.object({ value: text, primary: flag.nullish(), type: text.nullish() }))
    .max(50)
    .nullish(),
  active: flag.nullish(),
});
/** {@link userBody}, parsed. */
export type UserBody = z.output<typeof userBody>;

const member = z.object({ value: text });

/** What a client may send about a group (RFC 7643 §4.2). */
export const groupBody = z.object({
  displayName: text.min(1),
  externalId: text.nullish(),
  members: z.array(member).max(50_000).nullish(),
});
/** {@link groupBody}, parsed. */
export type GroupBody = z.output<typeof groupBody>;

/** Operations of a PATCH (RFC 7644 §3.5.2). Entra ID writes them with a capital. */
export const patchBody = z.object({
  Operations: z
    .array(
      z.object({
        op: z
          .string()
          .transform((op) => op.toLowerCase())
          .pipe(z.enum(["add", "replace", "remove"])),
        path: text.optional(),
        value: z.unknown().optional(),
      }),
    )
    .min(1)
    .max(1_000),
});
/** One operation of {@link patchBody}. */
export type PatchOperation = z.output<typeof patchBody>["Operations"][number];

/**
 * An operation without a path as one operation for each attribute of its value (RFC 7644 §3.5.2); another one as it is.
 * Throws `noTarget` for a removal that names no attribute.
 */
export function withPath(operation: PatchOperation): PatchOperation[] {
  const { op, path = "", value } = operation;
  if (path !== "") return [operation];
  if (op === "remove") throw new ScimError(400, "A removal needs a path.", "noTarget");
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ScimError(400, "The value must be an object.", "invalidValue");
  return Object.entries(value).map(([name, one]) => ({ op, path: name, value: one }));
}

/** A filter `attribute eq "value"`, the one that provisioning systems use; `null` without a filter. Throws for others. */
export function readFilter(
  filter: string | undefined,
  known: readonly string[],
): { attribute: string; value: string } | null {
  if (filter === undefined || filter === "") return null;
  const [, attribute = "", value = ""] =
    /^\s*([A-Za-z.]+|emails\[\s*type\s+eq\s+"work"\s*\]\.value)\s+eq\s+"((?:[^"\\]|\\.)*)"\s*$/i.exec(
      filter,
    ) ?? [];
  // The one e-mail address that is kept of a person is that of work.
  const plain = attribute.replace(/^(?:emails\[.*\]\.value|emails)$/i, "emails.value");
  const found = known.find((name) => name.toLowerCase() === plain.toLowerCase());
  const text = readString(value);
  if (found === undefined || text === null) {
    throw new ScimError(400, `Filters have the form: ${known.join(" or ")} eq "value".`, "invalidFilter");
  }
  return { attribute: found, value: text };
}

/** What stands between the quotes of a JSON string; `null` for an escape that JSON does not have. */
function readString(value: string): string | null {
  try {
    return JSON.parse(`"${value}"`) as string;
  } catch {
    return null;
  }
}

/** Which attributes an answer has, as the client asks (RFC 7644 §3.9). */
export interface Selection {
  /** Lower-case names; `null` for all. */
  only: readonly string[] | null;
  without: readonly string[];
}

/** Attributes that every answer has. */
const ALWAYS = ["schemas", "id"];

/** Reads `attributes` and `excludedAttributes`. A sub-attribute stands for the attribute that it belongs to. */
export function readSelection(attributes: string | undefined, excluded: string | undefined): Selection {
  const names = (text: string) =>
    text
      .split(",")
      .map(
        (one) =>
          one
            .trim()
            .replace(/^urn:[^,]*:/i, "")
            .split(".")[0]
            ?.toLowerCase() ?? "",
      )
      .filter(Boolean);
  return {
    only: attributes === undefined || attributes === "" ? null : names(attributes),
    without: names(excluded ?? ""),
  };
}

/** Whether an answer has an attribute. */
export function isSelected({ only, without }: Selection, name: string): boolean {
  const key = name.toLowerCase();
  if (ALWAYS.includes(key)) return true;
  return only === null ? !without.includes(key) : only.includes(key);
}

/** A resource with the attributes that the client asks for. */
export function select<Resource extends object>(resource: Resource, selection: Selection): Partial<Resource> {
  const kept = Object.entries(resource).filter(([name]) => isSelected(selection, name));
  return Object.fromEntries(kept) as Partial<Resource>;
}

/** `startIndex` (from 1) and `count` (at most 200) of a list. */
export function readPage(
  startIndex: string | undefined,
  count: string | undefined,
): { start: number; count: number } {
  const whole = (text: string | undefined, fallback: number) => {
    const value = Number(text ?? fallback);
    return Number.isInteger(value) ? value : fallback;
  };
  return { start: Math.max(1, whole(startIndex, 1)), count: Math.min(200, Math.max(0, whole(count, 100))) };
}

/** A list as RFC 7644 §3.4.2 writes it. */
export function toList(resources: readonly unknown[], totalResults: number, startIndex: number) {
  return {
    schemas: [URN.list],
    totalResults,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  };
}

/** Parses what a client sent. Throws `invalidValue` with the place of the first mistake. */
export function parse<Value>(schema: z.ZodType<Value>, body: unknown): Value {
  const read = schema.safeParse(body);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new ScimError(
    400,
    `${issue?.path.join(".") || "The body"}: ${issue?.message ?? "not possible"}.`,
    "invalidValue",
  );
}

/** Waits for a change of the database. Throws `uniqueness` with this detail for a value that was taken a moment ago. */
export async function requireUnique<Value>(change: Promise<Value>, detail: string): Promise<Value> {
  try {
    return await change;
  } catch (failure) {
    if (String(failure).includes("UNIQUE constraint failed")) throw new ScimError(409, detail, "uniqueness");
    throw failure;
  }
}
