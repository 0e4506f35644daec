import { splitStatements } from "../../../shared/encoding/split-statements.ts";
import { NO_ROLE, unlinkIdentities } from "../../../shared/people/federated.ts";
import {
  addPerson,
  moveToEmail,
  nameWhoChanged,
  setDisabled,
  setRole,
} from "../../../shared/people/statements.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { issuerOf, providerOfEmail, type SignInRules } from "../../../shared/policy/sign-in/sign-in.ts";
import { runMarkedJob } from "../admin-jobs/run-admin-jobs.ts";
import { readEmail, readName } from "../single-sign-on/read-claims.ts";
import { followPerson, markDue } from "./follow-groups.ts";
import {
  type PatchOperation,
  parse,
  requireUnique,
  ScimError,
  URN,
  type UserBody,
  userBody,
  withPath,
} from "./messages.ts";

/** An account that has the address of a person to provision. */
interface Known {
  id: string;
  disabled: number;
  role: string;
  provisioned: number | null;
  /** Provisioned before, and kept out since. */
  removed: number | null;
  /** Who vouches for the person; `null` if none does. */
  issuer: string | null;
}

/** A provisioned person as the database has them. */
export interface ScimUser {
  id: string;
  email: string;
  /** The name by which the provisioning system knows them, where it is no address; else `null`. */
  user_name: string | null;
  name: string;
  disabled: number;
  external_id: string | null;
  created_at: number;
  updated_at: number;
}

const SELECT = `
  SELECT person."id", person."email", person."name", person."disabled", user_name, external_id, created_at, updated_at
    FROM scim_user JOIN "user" AS person ON person."id" = user_id`;
const FILTERS: Readonly<Record<string, string>> = {
  // Two look-ups by index. A person with a name of their own is not found by their address.
  userName: `user_id IN (SELECT user_id FROM scim_user WHERE user_name = ?1 COLLATE NOCASE
      UNION ALL SELECT "id" FROM "user" WHERE "email" = lower(?1))
    AND coalesce(user_name, person."email") = ?1 COLLATE NOCASE`,
  "emails.value": `person."email" = lower(?1)`,
  externalId: "external_id = ?1",
  id: "user_id = ?1",
};

/** Attributes by which a list can be filtered. */
export const USER_FILTERS = Object.keys(FILTERS);

/** Who changes people here, for the trail. */
const BY = "/scim/v2";
const TAKEN = "Another account has this address or name.";

/** One page of provisioned people, and how many there are. */
export async function listUsers(
  database: D1Database,
  filter: { attribute: string; value: string } | null,
  { start, count }: { start: number; count: number },
): Promise<{ users: ScimUser[]; total: number }> {
  const where = filter === null ? "?1 = ''" : (FILTERS[filter.attribute] ?? "0");
  const value = filter?.value ?? "";
  const counting = `SELECT count(*) AS total FROM scim_user JOIN "user" AS person ON person."id" = user_id WHERE ${where}`;
  const [rows, counted] = await Promise.all([
    database
      .prepare(`${SELECT} WHERE ${where} ORDER BY user_id LIMIT ?2 OFFSET ?3`)
      .bind(value, count, start - 1)
      .all<ScimUser>(),
    database.prepare(counting).bind(value).first<{ total: number }>(),
  ]);
  return { users: rows.results, total: counted?.total ?? 0 };
}

/** A provisioned person. Throws 404 for every other id, also for that of a person who was added by hand. */
export async function findUser(database: D1Database, id: string): Promise<ScimUser> {
  const user = await database.prepare(`${SELECT} WHERE user_id = ?`).bind(id).first<ScimUser>();
  if (user === null) throw new ScimError(404, "There is no such user.");
  return user;
}

/**
 * Adds a person, without a role until a group gives one. An account that is there already comes under provisioning if its
 * e-mail domain belongs to a provider of single sign-on and no other issuer vouches for it. So does a person who was
 * removed here and kept out since (RFC 7644 §3.6), without any way in of before. Every other account is not touched (409).
 */
export async function createUser(env: Env, body: UserBody): Promise<ScimUser> {
  const database = env.PLATFORM_DB;
  const email = emailOf(body);
  const now = Date.now();
  const known = await database
    .prepare(
      `SELECT "id", "disabled", "role", (SELECT 1 FROM scim_removed WHERE user_id = "id") AS removed,
         (SELECT 1 FROM scim_user WHERE user_id = "id") AS provisioned,
         (SELECT issuer FROM federated_identity WHERE user_id = "id") AS issuer FROM "user" WHERE "email" = ?`,
    )
    .bind(email)
    .first<Known>();
  const { signIn } = await policyInForce(env);
  if (known !== null && !mayAdopt(signIn, email, known)) throw new ScimError(409, TAKEN, "uniqueness");
  const id = known?.id ?? createId();
  const at = new Date(now).toISOString();
  const changes: string[] = [];
  if (known === null) {
    const account = { accountId: createId(), role: NO_ROLE, passwordHash: null };
    changes.push(addPerson({ id, ...account, email, name: nameOf(body, email), at }));
  }
  const kept = [
    database
      .prepare(
        "INSERT INTO scim_user (user_id, user_name, external_id, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)",
      )
      .bind(id, ownNameOf(body), body.externalId ?? null, now),
  ];
  const isBack = known?.removed === 1;
  if (isBack) {
    // The address may be another person's by now.
    changes.push(unlinkIdentities(id, BY));
    if (known.role !== NO_ROLE) changes.push(setRole(id, NO_ROLE, at));
    kept.push(
      database.prepare(moveToEmail(id, { email, name: nameOf(body, email), at })),
      database.prepare("DELETE FROM scim_removed WHERE user_id = ?").bind(id),
    );
  }
  const disabled = known?.disabled === 1;
  const active = body.active ?? (isBack || !disabled);
  if (active === disabled) changes.push(setDisabled(id, !active, at));
  await changeUser(env, id, changes, kept);
  return await findUser(database, id);
}

/**
 * Changes a person and what is kept of their provisioning in one transaction, and then carries it out and gives them the
 * role of their groups. What a request that ends half way leaves is done within five minutes.
 *
 * @param changes - SQL; of each the trail says who made it
 */
async function changeUser(
  env: Env,
  id: string,
  changes: readonly string[],
  kept: readonly D1PreparedStatement[],
): Promise<void> {
  const database = env.PLATFORM_DB;
  const marked = changes.map((sql) => ({ sql, mark: crypto.randomUUID() }));
  const sql = marked.map(({ sql, mark }) => `${sql}\n${nameWhoChanged(id, BY, mark)}`).join("\n");
  const changing = splitStatements(sql).map((statement) => database.prepare(statement));
  await requireUnique(database.batch([...changing, ...kept, markDue(database, "user_id = ?", id)]), TAKEN);
  for (const { mark } of marked) await runMarkedJob(env, mark);
  await followPerson(env, id);
}

function mayAdopt(rules: SignInRules, email: string, { provisioned, removed, issuer }: Known): boolean {
  if (removed === 1) return true;
  const owner = rules.providers.get(providerOfEmail(rules, email) ?? "");
  if (provisioned === 1 || owner === undefined) return false;
  return issuer === null || issuer === issuerOf(owner);
}

/** Replaces what is kept of a person (PUT). */
export async function replaceUser(env: Env, user: ScimUser, body: UserBody): Promise<ScimUser> {
  const database = env.PLATFORM_DB;
  const email = emailOf(body);
  if (email !== user.email) {
    const taken = await database.prepare(`SELECT 1 FROM "user" WHERE "email" = ?`).bind(email).first();
    if (taken !== null) throw new ScimError(409, TAKEN, "uniqueness");
  }
  const now = Date.now();
  const at = new Date(now).toISOString();
  const access =
    typeof body.active === "boolean" && body.active !== (user.disabled === 0)
      ? [setDisabled(user.id, !body.active, at)]
      : [];
  await changeUser(env, user.id, access, [
    database.prepare(moveToEmail(user.id, { email, name: nameOf(body, email), at })),
    database
      .prepare("UPDATE scim_user SET user_name = ?, external_id = ?, updated_at = ? WHERE user_id = ?")
      .bind(ownNameOf(body), body.externalId ?? null, now, user.id),
  ]);
  return await findUser(database, user.id);
}

/** Changes single attributes of a person (PATCH). */
export async function patchUser(
  env: Env,
  user: ScimUser,
  operations: readonly PatchOperation[],
): Promise<ScimUser> {
  const changed: Changed = {
    userName: user.user_name ?? user.email,
    emails: [{ value: user.email, primary: true }],
    externalId: user.external_id,
  };
  for (const operation of operations.flatMap(withPath)) applyOperation(changed, operation);
  const body = parse(userBody, changed);
  const name = readName(body.displayName) ?? readName(body.name?.formatted) ?? user.name;
  return await replaceUser(env, user, { ...body, displayName: name });
}

/**
 * Ends a person's provisioning and keeps them out: sessions, tokens, keys and approvals end at the next request. What they
 * did stays in the trail.
 */
export async function removeUser(env: Env, user: ScimUser): Promise<void> {
  const off = user.disabled === 1 ? [] : [setDisabled(user.id, true, new Date().toISOString())];
  await changeUser(env, user.id, off, [
    env.PLATFORM_DB.prepare("DELETE FROM scim_user WHERE user_id = ?").bind(user.id),
    env.PLATFORM_DB.prepare("INSERT OR REPLACE INTO scim_removed (user_id, removed_at) VALUES (?, ?)").bind(
      user.id,
      Date.now(),
    ),
  ]);
}

/** A person as RFC 7643 §4.1 writes them. */
export function toUser({ PUBLIC_URL }: Env, user: ScimUser) {
  return {
    schemas: [URN.user],
    id: user.id,
    ...(user.external_id !== null && { externalId: user.external_id }),
    userName: user.user_name ?? user.email,
    displayName: user.name,
    name: { formatted: user.name },
    emails: [{ value: user.email, primary: true, type: "work" }],
    active: user.disabled === 0,
    meta: {
      resourceType: "User",
      created: new Date(user.created_at).toISOString(),
      lastModified: new Date(user.updated_at).toISOString(),
      location: `${PUBLIC_URL}/scim/v2/Users/${user.id}`,
    },
  };
}

/** Attributes of a person as operations leave them; {@link userBody} judges the values. */
type Changed = Partial<Record<keyof UserBody, unknown>>;

function applyOperation(changed: Changed, { op, path = "", value }: PatchOperation): void {
  const attribute = path.replace(`${URN.user}:`, "").toLowerCase();
  if (op === "remove" && (attribute === "username" || attribute === "active"))
    throw new ScimError(400, `${path} cannot be removed.`, "mutability");
  switch (attribute) {
    case "active":
      if (value === undefined || value === null)
        throw new ScimError(400, "active must be true or false.", "invalidValue");
      changed.active = value;
      return;
    case "username":
      changed.userName = value;
      return;
    case "emails":
      changed.emails = op === "remove" ? [] : withEmails(op, changed.emails, value);
      return;
    case "externalid":
      changed.externalId = op === "remove" ? null : value;
      return;
    // A person always has a name: without another one they keep theirs.
    case "displayname":
      changed.displayName = op === "remove" ? null : value;
      return;
    case "name.formatted":
      changed.name = { formatted: op === "remove" ? null : value };
      return;
    case "name":
      changed.name = op === "remove" ? null : value;
      return;
    default:
      // The one address that is kept is that of work.
      if (/^emails(\[\s*(type\s+eq\s+"work"|primary\s+eq\s+true)\s*\])?(\.value)?$/.test(attribute)) {
        const one = typeof value === "object" && value !== null ? value : { value };
        changed.emails = op === "remove" ? [] : [{ ...one, primary: true }];
      }
      // RFC 7644 §3.5.2: what a server does not keep it may ignore; provisioning systems send whole profiles.
      return;
  }
}

/** Addresses after an operation: a new primary one comes before those that were there. */
function withEmails(op: "add" | "replace", before: unknown, value: unknown): unknown {
  if (op === "replace" || !Array.isArray(before) || !Array.isArray(value)) return value;
  const isPrimary = (one: unknown) => (one as { primary?: unknown } | null)?.primary === true;
  return value.some(isPrimary) ? [...value.filter(isPrimary), ...before] : [...before, ...value];
}

/** The name by which another system knows a person, where it is no address. */
function ownNameOf({ userName }: UserBody): string | null {
  return readEmail(userName) === null ? userName : null;
}

/** The name that people sign in with, if it is an address; or else the primary address. */
function emailOf({ userName, emails }: UserBody): string {
  const primary = emails?.find((one) => one.primary === true) ?? emails?.[0];
  const email = readEmail(userName) ?? readEmail(primary?.value);
  if (email === null)
    throw new ScimError(400, "userName or an e-mail must be an e-mail address.", "invalidValue");
  return email;
}

function nameOf({ displayName, name }: UserBody, email: string): string {
  const parts = [name?.givenName, name?.familyName].filter(Boolean).join(" ");
  return (
    readName(displayName) ??
    readName(name?.formatted) ??
    readName(parts) ??
    email.slice(0, email.indexOf("@"))
  );
}

function createId(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
