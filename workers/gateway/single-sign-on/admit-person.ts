import { overConnection } from "../../../shared/encoding/platform-database.ts";
import { changePerson, giveRole } from "../../../shared/people/change-person.ts";
import { addIdentity, NO_ROLE, unlinkIdentities } from "../../../shared/people/federated.ts";
import { addPerson, moveToEmail } from "../../../shared/people/statements.ts";
import { domainOf, findRole, isOfAnother, type SignInRules } from "../../../shared/policy/sign-in/sign-in.ts";
import { runMarkedJob } from "../admin-jobs/run-admin-jobs.ts";
import { followPerson } from "../scim/follow-groups.ts";
import { type FederatedIdentity, type Provider, SignInEnded } from "./identity.ts";

interface Known {
  id: string;
  email: string;
  name: string;
  role: string;
  disabled: number;
  /** Another system provisions this person, and the policy's rules for that give the role. */
  provisioned: number;
}

const SELECT = `SELECT "id", "email", "name", "role", "disabled",
  EXISTS (SELECT 1 FROM scim_user WHERE user_id = "id") AS provisioned FROM "user"`;
const BY_IDENTITY = `${SELECT} WHERE "id" = (SELECT user_id FROM federated_identity WHERE issuer = ? AND subject = ?)`;

/**
 * The person behind an identity, with the role that the rules give now. Issuer and subject name the person, never the
 * address. A person who is not known yet gets an account if a rule fits; an account that was added by hand is theirs only
 * if its address belongs to the provider's domains and the issuer has verified it. A provider neither makes nor keeps an
 * account with an address in another one's domain. Throws {@link SignInEnded} for everyone else.
 *
 * @returns the person's id
 */
export async function admitPerson(
  env: Env,
  rules: SignInRules,
  provider: Provider,
  identity: FederatedIdentity,
): Promise<string> {
  const { contact } = rules;
  const { email, emailVerified, issuer, subject } = identity;
  const byRules = findRole(provider.document, identity.claims, emailVerified ? email : null);
  const roleOf = (person: Known | null) => {
    if (!person?.provisioned) return byRules;
    return person.role === NO_ROLE ? null : person.role;
  };
  const read = () => env.PLATFORM_DB.prepare(BY_IDENTITY).bind(issuer, subject).first<Known>();
  let known = await read();
  if (known !== null) {
    if (isOfAnother(rules, provider.name, known.email))
      throw refused(ofAnother(provider, known.email, contact));
    await follow(env, rules, provider, { known, identity, role: roleOf(known) });
    if (known.provisioned) {
      // The rules or the address may have changed since the groups were sent.
      await followPerson(env, known.id);
      known = (await read()) ?? known;
    }
    if (known.disabled) throw refused(`Your account is not active. Ask ${contact}.`);
    if (roleOf(known) === null) throw refused(withoutRole(provider, contact));
    return known.id;
  }
  let owner = email !== null && emailVerified ? await findByEmail(env.PLATFORM_DB, email) : null;
  if (owner?.provisioned) {
    await followPerson(env, owner.id);
    owner = await findByEmail(env.PLATFORM_DB, owner.email);
  }
  const role = roleOf(owner);
  if (role === null) throw refused(withoutRole(provider, contact));
  if (email === null)
    throw refused(`${provider.document.title} gives no e-mail address for you. Ask ${contact}.`);
  if (!emailVerified) {
    throw refused(
      `${provider.document.title} has not verified your e-mail address. Verify it there, then sign in again.`,
    );
  }
  if (owner !== null) return await link(env, rules, provider, { owner, identity, email, role });
  if (isOfAnother(rules, provider.name, email)) throw refused(ofAnother(provider, email, contact));
  try {
    return await create(env, provider, { identity, email, role });
  } catch (failure) {
    // Of two first sign-ins at the same time one adds the person; the other finds them now.
    const added = await env.PLATFORM_DB.prepare(BY_IDENTITY)
      .bind(identity.issuer, identity.subject)
      .first<Known>();
    if (added === null) throw failure;
    return added.id;
  }
}

/** Gives a known person the role, name and address of this sign-in. */
async function follow(
  env: Env,
  rules: SignInRules,
  provider: Provider,
  { known, identity, role }: { known: Known; identity: FederatedIdentity; role: string | null },
): Promise<void> {
  const database = env.PLATFORM_DB;
  const { issuer, subject, email, emailVerified, name } = identity;
  await database
    .prepare("UPDATE federated_identity SET last_at = ? WHERE issuer = ? AND subject = ?")
    .bind(Date.now(), issuer, subject)
    .run();
  const given = role ?? NO_ROLE;
  if (given !== known.role) {
    await carryOut(env, await giveRole(overConnection(database), known.id, given, byOf(provider)));
  }
  // An address of another person, or in another provider's domain, stays theirs: this person keeps the one before.
  const moved = emailVerified && email !== null && email !== known.email;
  const isFree =
    moved && !isOfAnother(rules, provider.name, email) && (await findByEmail(database, email)) === null;
  const next = { email: isFree ? email : known.email, name: name ?? known.name };
  if (next.email === known.email && next.name === known.name) return;
  await overConnection(database).change(moveToEmail(known.id, { ...next, at: new Date().toISOString() }));
}

/**
 * Gives an account that was added by hand to the identity. Only the provider of its e-mail domain can: another one, which
 * may let its people write any address, never comes to an account of this address.
 */
async function link(
  env: Env,
  { contact, domains }: SignInRules,
  provider: Provider,
  {
    owner,
    identity,
    email,
    role,
  }: { owner: Known; identity: FederatedIdentity; email: string; role: string },
): Promise<string> {
  const database = env.PLATFORM_DB;
  const taken = refused(`Another account has your e-mail address. Ask ${contact}.`);
  if (domains.get(domainOf(email)) !== provider.name) throw taken;
  const other = await database
    .prepare("SELECT issuer FROM federated_identity WHERE user_id = ?")
    .bind(owner.id)
    .first<{ issuer: string }>();
  // The issuer has given this address to another subject since: that is another person.
  if (other?.issuer === identity.issuer) throw taken;
  if (owner.disabled) throw refused(`Your account is not active. Ask ${contact}.`);
  // The account changes hands to the provider: every other way into it ends, with what was opened through one.
  const by = byOf(provider);
  const sql = `${unlinkIdentities(owner.id, by)}\n${addIdentity(owner.id, identity, Date.now())}`;
  await carryOut(env, await changePerson(overConnection(database), owner.id, sql, by));
  if (role !== owner.role)
    await carryOut(env, await giveRole(overConnection(database), owner.id, role, byOf(provider)));
  return owner.id;
}

async function create(
  env: Env,
  provider: Provider,
  { identity, email, role }: { identity: FederatedIdentity; email: string; role: string },
): Promise<string> {
  const id = crypto.randomUUID().replaceAll("-", "");
  const name = identity.name ?? email.slice(0, email.lastIndexOf("@"));
  const accountId = crypto.randomUUID().replaceAll("-", "");
  const at = new Date();
  const added = addPerson({ id, accountId, email, name, role, passwordHash: null, at: at.toISOString() });
  const sql = `${added}\n${addIdentity(id, identity, at.getTime())}`;
  await carryOut(env, await changePerson(overConnection(env.PLATFORM_DB), id, sql, byOf(provider)));
  return id;
}

async function findByEmail(database: D1Database, email: string): Promise<Known | null> {
  return await database.prepare(`${SELECT} WHERE "email" = ?`).bind(email).first<Known>();
}

/** The change counts at the person's next call. A failure is logged, and the job is done within five minutes. */
async function carryOut(env: Env, mark: string): Promise<void> {
  await runMarkedJob(env, mark);
}

function byOf({ name }: Provider): string {
  return `single sign-on (${name})`;
}

function ofAnother({ document }: Provider, email: string, contact: string): string {
  return `${document.title} does not sign in people of ${domainOf(email)}. Ask ${contact}.`;
}

function withoutRole({ document }: Provider, contact: string): string {
  return `${document.title} knows you, but Gatehouse has no role for you. Ask ${contact}.`;
}

function refused(message: string): SignInEnded {
  return new SignInEnded("refused", message);
}
