import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { commonFields, line } from "../../../shared/connections/kinds/common.ts";
import { formatMistake, readYaml } from "../../../shared/policy/changes/read-policy.ts";
import { findNearMisses } from "../../../shared/text/near-misses.ts";
import { CommandFailure } from "../../local/failure.ts";
import { ROOT } from "../../local/root.ts";

/** Where ready-made profiles are, below the repository. */
const FOLDER = "shared/connections/profiles";

const paging = z.discriminatedUnion("style", [
  z.strictObject({
    style: z.literal("page"),
    key: z.string(),
    first: z.int().default(1),
    size: z.string().optional(),
  }),
  z.strictObject({
    style: z.literal("offset"),
    key: z.string(),
    size: z.string().optional(),
    in: z.enum(["query", "body"]).default("query"),
  }),
  z.strictObject({
    style: z.literal("cursor"),
    key: z.string(),
    next: z.string(),
    in: z.enum(["query", "body"]).default("query"),
  }),
  z.strictObject({
    style: z.literal("last"),
    key: z.string(),
    field: z.string().default("id"),
    more: z.string().optional(),
  }),
  z.strictObject({ style: z.literal("address"), next: z.string() }),
  z.strictObject({ style: z.literal("link") }),
]);

/** One operation that people at work ask for. */
const operation = z.strictObject({
  title: line(100),
  description: line(600),
  request: z.string().regex(/^(?:GET|POST|PUT|PATCH|DELETE) \/[\x21-\x7e]*$/, "must be a method and a path"),
  effect: z.enum(["read", "create", "update", "delete"]).optional(),
  /** `text? @key Words`: see `readArgument`. */
  input: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,40}$/), z.string()).default({}),
  body: z.enum(["json", "form"]).default("json"),
  fixed: z.record(z.string(), z.json()).optional(),
  query: z.record(z.string(), z.string()).optional(),
  graphql: z.string().optional(),
  list: z.string().optional(),
  paging: paging.optional(),
  fields: z.array(z.string()).optional(),
  answer: z.string().max(700).optional(),
});

/** {@link operation}, parsed. */
export type ProfileOperation = z.output<typeof operation>;

const asks = z.record(
  z.string(),
  z.strictObject({ question: line(200), usual: z.string().optional(), pattern: z.string().optional() }),
);

/** A file of `shared/connections/profiles`. */
const profileDocument = z.strictObject({
  title: line(60),
  description: line(300),
  data_class: commonFields.data_class,
  /** Address with `{names}` of `asks`. */
  address: z.string(),
  /** As in an entry, with `{names}` of `asks`. */
  auth: z.looseObject({ type: z.string() }),
  /** What the secret is, and where a person gets it. */
  secret: z.string(),
  /** Further answers that `add` needs, by name. */
  asks: asks.default({}),
  /** What differs where each person has an account of their own; `--auth per_person` chooses it. */
  per_person: z
    .strictObject({
      auth: z.looseObject({ client_id: z.string() }),
      secret: z.string(),
      asks: asks.default({}),
      address: z.string().optional(),
      check: z.string().optional(),
    })
    .optional(),
  headers: z.record(z.string(), z.string()).default({}),
  check: z.string().optional(),
  csrf: z.boolean().optional(),
  /** What `add` asks for where the operations come from a document of each installation. */
  document: line(200).optional(),
  /** See `failure` of an operation; for every operation of the profile. */
  failure: z.strictObject({ at: z.string(), reason: z.string() }).optional(),
  classes: z.record(z.string(), z.enum(["public", "internal", "pii", "secret"])).default({}),
  operations: z.record(z.string().regex(/^[a-z][a-z0-9_]{0,38}$/), operation),
});

/** {@link profileDocument}, parsed. */
export type Profile = z.output<typeof profileDocument>;

/** A profile with the accounts that an entry has: the connection's own, or those of persons. */
export function withAccounts(name: string, profile: Profile, isPersonal: boolean): Profile {
  if (!isPersonal) return profile;
  const own = profile.per_person;
  if (own === undefined)
    throw new CommandFailure(
      `The profile ${name} has no accounts of persons.`,
      "Leave --auth out, or write `auth` to the file by hand.",
    );
  return {
    ...profile,
    auth: { ...own.auth, type: "per_person" },
    secret: own.secret,
    asks: { ...profile.asks, ...own.asks },
    address: own.address ?? profile.address,
    check: own.check ?? profile.check,
  };
}

/** Names of the profiles, sorted. */
export async function listProfiles(): Promise<string[]> {
  const files = await readdir(path.join(ROOT, FOLDER));
  return files.flatMap((file) => (file.endsWith(".yaml") ? [file.slice(0, -".yaml".length)] : [])).sort();
}

/** Reads a profile. Throws {@link CommandFailure} for an unknown name, and with every mistake of the file. */
export async function loadProfile(name: string): Promise<Profile> {
  const names = await listProfiles();
  if (!names.includes(name)) {
    const [nearest] = findNearMisses(name, names);
    throw new CommandFailure(
      `There is no profile "${name}".`,
      nearest === undefined ? `There are: ${names.join(", ")}.` : `Did you mean "${nearest}"?`,
    );
  }
  const file = `${FOLDER}/${name}.yaml`;
  const read = readYaml(file, await readFile(path.join(ROOT, file), "utf8"), profileDocument);
  if (read.value !== null) return read.value;
  throw new CommandFailure(read.mistakes.map(formatMistake).join("\n  "), "Correct the profile.");
}
