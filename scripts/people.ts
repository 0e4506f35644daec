import { randomBytes } from "node:crypto";
import { hashPassword } from "better-auth/crypto";
import { z } from "zod";
import { changePerson, giveRole, setAccess } from "../shared/people/change-person.ts";
import { unlinkIdentities } from "../shared/people/federated.ts";
import { email, name } from "../shared/people/fields.ts";
import {
  createPersonId,
  type LinkPlan,
  type NoLink,
  planInvitation,
  planReset,
} from "../shared/people/invite.ts";
import type { LinkKind } from "../shared/people/password-links.ts";
import { addPerson, findByEmail, resetSecondFactor, setPassword } from "../shared/people/statements.ts";
import { bundledPolicy } from "../shared/policy/bundled.ts";
import { listRoles } from "../shared/policy/current.ts";
import { type Command, command, type Values } from "./local/command-line.ts";
import { CommandFailure } from "./local/failure.ts";
import { deliverLinks } from "./people/deliver-link.ts";
import { erase } from "./people/erase.ts";
import { exportPerson } from "./people/export.ts";
import { readPolicyInForce, readSignInRules, refuseForPassword } from "./people/find-provider.ts";
import { writeHelp } from "./people/help.ts";
import { importPeople } from "./people/import-people.ts";
import { listPage } from "./people/list-page.ts";
import { addNewTeam, changeMember, listTeams, refuseTeam } from "./people/teams.ts";
import type { TrailDatabase } from "./platform/database.ts";
import { notifyWorker, type Told, waitFor } from "./platform/notify-worker.ts";
import { ADDRESS, addresseeOf, openPlatform, PLACE } from "./platform/place.ts";
import { nameAsker, readRequest } from "./platform/requests.ts";
import { runCommands } from "./platform/run-command.ts";

const ROLES = listRoles(bundledPolicy());

const SEE_HELP = "For the commands: npm run people -- --help";

/** Milliseconds that a command waits for the Worker, which polls for requests every five minutes. */
const PATIENCE_MS = 6 * 60_000;

const TEXT = { type: "string" } as const;

/** The person whom a command is about. */
const ONE = { email: TEXT } as const;

/** Of a command that gives links: `--print` sends no e-mail. */
const LINK = { print: { type: "boolean", default: false }, ...ADDRESS } as const;

type AddressFlags = Values<typeof ADDRESS>;

const COMMANDS: Readonly<Record<string, Command>> = {
  teams: command({ takes: PLACE }, async (flags) => {
    const database = openPlatform(flags);
    await listTeams(database);
  }),
  "add-team": command({ takes: { name: TEXT, role: TEXT, group: TEXT, ...PLACE } }, async (flags) => {
    const database = openPlatform(flags);
    await addNewTeam(database, {
      name: read("name", name, flags.name),
      role: await readRole(database, flags.role),
      group: flags.group ?? null,
    });
  }),
  join: command({ takes: { team: TEXT, ...ONE, ...ADDRESS } }, async (flags) => {
    const database = openPlatform(flags);
    const person = await requirePerson(database, flags);
    refuseTeam(person);
    const mark = await changeMember(database, { team: flags.team ?? "", person, change: "member_added" });
    await sayWhen(flags, mark);
  }),
  leave: command({ takes: { team: TEXT, ...ONE, ...ADDRESS } }, async (flags) => {
    const database = openPlatform(flags);
    const person = await requirePerson(database, flags);
    const mark = await changeMember(database, { team: flags.team ?? "", person, change: "member_removed" });
    await sayWhen(flags, mark);
  }),
  list: command(
    {
      takes: {
        search: TEXT,
        role: TEXT,
        disabled: { type: "boolean", default: false },
        after: TEXT,
        ...PLACE,
      },
    },
    async (flags) => {
      const database = openPlatform(flags);
      await listPage(database, flags);
    },
  ),
  import: command(
    { takes: { "dry-run": { type: "boolean", default: false }, ...LINK }, words: ["<file>"] },
    async (flags, [file]) => {
      const database = openPlatform(flags);
      await importPeople(database, { ...flags, ...addresseeOf(flags), file });
    },
  ),
  add: command({ takes: { ...ONE, name: TEXT, role: TEXT, ...PLACE } }, async (flags) => {
    const database = openPlatform(flags);
    const person = {
      email: read("email", email, flags.email),
      name: read("name", name, flags.name),
      role: await readRole(database, flags.role, true),
    };
    await refuseForPassword(database, person.email);
    if ((await database.query(findByEmail(person.email))).length > 0) {
      throw new CommandFailure(
        `${person.email} is already there.`,
        "Change it with the commands role or password.",
      );
    }
    const password = createPassword();
    const passwordHash = await hashPassword(password);
    const at = new Date().toISOString();
    const added = addPerson({
      ...person,
      id: createPersonId(),
      accountId: createPersonId(),
      passwordHash,
      at,
    });
    await changePerson(database, person.email, added, nameAsker("people"));
    console.log(`Added ${person.name} (${person.email}) as ${person.role}.`);
    announcePassword(password);
  }),
  invite: command({ takes: { ...ONE, name: TEXT, role: TEXT, ...LINK } }, async (flags) => {
    const database = openPlatform(flags);
    const address = read("email", email, flags.email);
    const isThere = (await database.query(findByEmail(address))).length > 0;
    const person = isThere
      ? { name: undefined, role: flags.role }
      : { name: read("name", name, flags.name), role: await readRole(database, flags.role, true) };
    const rules = await readSignInRules(database);
    const plan = requirePlan(await planInvitation(database, rules, { email: address, ...person }), {
      reset: "Use the command reset.",
      role: `Change it: npm run people -- role --email ${address} --role ${flags.role}`,
    });
    await carryOut(database, flags, plan, { address, kind: "invitation" });
    if (plan.added !== null) console.log(`Added ${plan.added.name} (${address}) as ${plan.added.role}.`);
  }),
  reset: command({ takes: { ...ONE, ...LINK } }, async (flags) => {
    const database = openPlatform(flags);
    const address = await requirePerson(database, flags);
    const plan = requirePlan(planReset(await readSignInRules(database), address));
    await carryOut(database, flags, plan, { address, kind: "reset" });
    console.log(
      "The old password works until the link is used. A second factor stays. Make sure that the request came from this person.",
    );
  }),
  role: command({ takes: { ...ONE, role: TEXT, ...ADDRESS } }, async (flags) => {
    const database = openPlatform(flags);
    const address = await requirePerson(database, flags);
    const chosen = await readRole(database, flags.role);
    const mark = await giveRole(database, address, chosen, nameAsker("people"));
    console.log(`${address} is now ${chosen}. What the role adds, an app gets when it next refreshes.`);
    await sayWhen(flags, mark);
  }),
  password: command({ takes: { ...ONE, ...PLACE } }, async (flags) => {
    const database = openPlatform(flags);
    const address = await requirePerson(database, flags);
    refuseTeam(address);
    await refuseForPassword(database, address);
    const password = createPassword();
    await database.change(setPassword(address, await hashPassword(password), new Date().toISOString()));
    console.log(`${address} has a new password and is signed out everywhere.`);
    announcePassword(password);
  }),
  "second-factor": command({ takes: { ...ONE, ...PLACE } }, async (flags) => {
    const database = openPlatform(flags);
    const address = await requirePerson(database, flags);
    await changePerson(
      database,
      address,
      resetSecondFactor(address, new Date().toISOString()),
      nameAsker("people"),
    );
    console.log(
      `${address} has no second factor now and is signed out everywhere. Make sure that the request came from this person.`,
    );
  }),
  unlink: command({ takes: { ...ONE, ...PLACE } }, async (flags) => {
    const database = openPlatform(flags);
    const address = await requirePerson(database, flags);
    const by = nameAsker("people");
    await changePerson(database, address, unlinkIdentities(address, by), by);
    console.log(
      `${address} is signed out everywhere and has no key; apps are disconnected within five minutes. The next sign-in with this address, where it belongs, gets the account.`,
    );
  }),
  erase: command(
    { takes: { ...ONE, yes: { type: "boolean", default: false }, ...ADDRESS } },
    async (flags) => {
      const database = openPlatform(flags);
      const address = await requirePerson(database, flags);
      await erase(database, address, { yes: flags.yes, waiting: waitFor(addresseeOf(flags), PATIENCE_MS) });
    },
  ),
  export: command({ takes: { ...ONE, ...ADDRESS } }, async (flags) => {
    const database = openPlatform(flags);
    const address = await requirePerson(database, flags);
    const data = await exportPerson(database, address, waitFor(addresseeOf(flags), PATIENCE_MS));
    console.log(JSON.stringify(data, null, 2));
  }),
  request: command({ takes: { id: TEXT, ...PLACE } }, async (flags) => {
    const database = openPlatform(flags);
    const id = read(
      "id",
      z.coerce.number("The id is the number that erase printed").int().positive(),
      flags.id,
    );
    const found = await readRequest(database, id);
    if (!found) throw new CommandFailure(`There is no request ${id}.`, "Requests are kept for 30 days.");
    console.log(JSON.stringify(found, null, 2));
  }),
  disable: command({ takes: { ...ONE, ...ADDRESS } }, async (flags) => {
    const database = openPlatform(flags);
    const address = await requirePerson(database, flags);
    const mark = await setAccess(database, address, true, nameAsker("people"));
    console.log(`${address} can no longer sign in, and connected apps are refused.`);
    await sayWhen(flags, mark);
  }),
  enable: command({ takes: { ...ONE, ...ADDRESS } }, async (flags) => {
    const database = openPlatform(flags);
    const address = await requirePerson(database, flags);
    const mark = await setAccess(database, address, false, nameAsker("people"));
    console.log(`${address} can sign in again.`);
    await sayWhen(flags, mark);
  }),
};

/** Carries out a plan, and brings the person the link. */
async function carryOut(
  database: TrailDatabase,
  flags: Values<typeof LINK>,
  { sql, title }: LinkPlan,
  { address, kind }: { address: string; kind: LinkKind },
): Promise<void> {
  if (sql !== null) await changePerson(database, address, sql, nameAsker("people"));
  if (title !== null) console.log(`${address} signs in with ${title}, and needs no link.`);
  else await deliverLinks(database, addresseeOf(flags), { to: [address], kind, print: flags.print });
}

/** A plan, or the failure with what to do instead. */
function requirePlan(plan: LinkPlan | NoLink, instead: Partial<Record<string, string>> = {}): LinkPlan {
  if ("sql" in plan) return plan;
  throw new CommandFailure(plan.text, instead[plan.instead ?? ""] ?? SEE_HELP);
}

/** When a change counts for open sessions and connected apps: at their next call, once the Worker knows of it. */
const WHEN: Readonly<Record<Told, string>> = {
  told: "In force: it applies to the next call of every app and session.",
  refused: "Gatehouse has not acted on it yet, so open sessions and connected apps notice within 30 seconds.",
  silent: "Gatehouse did not answer, so open sessions and connected apps notice within 30 seconds.",
  not_running: "No Gatehouse runs on this storage: it applies from the next start.",
};

async function sayWhen(flags: AddressFlags, mark: string): Promise<void> {
  console.log(WHEN[await notifyWorker(addresseeOf(flags), { path: "/people/changes", body: { mark } })]);
}

async function requirePerson(database: TrailDatabase, flags: Values<typeof ONE>): Promise<string> {
  const address = read("email", email, flags.email);
  if ((await database.query(findByEmail(address))).length > 0) return address;
  throw new CommandFailure(
    `No person has the address ${address}.`,
    "List the people: npm run people -- list",
  );
}

/** A role of the policy in force. */
async function readRole(
  database: TrailDatabase,
  value: string | undefined,
  orDefault = false,
): Promise<string> {
  const { roles, default_role: fallback } = await readPolicyInForce(database);
  const names = Object.keys(roles);
  const schema = z.enum(names as [string, ...string[]], `The roles are ${names.join(", ")}`);
  return read("role", schema, orDefault ? (value ?? fallback) : value);
}

function announcePassword(password: string): void {
  console.log(
    `Password, shown this once: ${password}\nThey should change it at /account after the first sign-in.`,
  );
}

/** 120 random bits, in groups for reading aloud. */
function createPassword(): string {
  return (randomBytes(15).toString("hex").match(/.{6}/g) ?? []).join("-");
}

function read<Output>(flag: string, schema: z.ZodType<Output>, value: string | undefined): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new CommandFailure(
    value === undefined ? `--${flag} is missing.` : `--${flag} ${JSON.stringify(value)} is not possible.`,
    value === undefined ? SEE_HELP : `${result.error.issues[0]?.message ?? "Invalid"}. ${SEE_HELP}`,
  );
}

/** `npm run people`. */
export const PEOPLE = { name: "people", help: writeHelp(ROLES), commands: COMMANDS };

if (import.meta.main) await runCommands(PEOPLE);
