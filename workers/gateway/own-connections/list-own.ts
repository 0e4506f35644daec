import type { Subject } from "../../../shared/call/subject.ts";
import { isPersonal, type PersonalEntry } from "../../../shared/connections/entry.ts";
import { parseRevision } from "../../../shared/connections/revision.ts";
import { isVisible } from "../../../shared/guard/decide.ts";
import { type AccountState, accountGate } from "../../../shared/objects/account-gate.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { createCatalogue } from "../../../shared/server/catalogue.ts";
import { readRevision } from "../../../shared/server/read-revision.ts";
import { publishedServers } from "../../published-servers.ts";

/** A connection at which each person has an account of their own. */
export interface OwnConnection {
  name: string;
  entry: PersonalEntry;
  account: AccountState;
}

/** The published connections with each person's own accounts, by name. */
export async function listPersonal(env: Env): Promise<{ name: string; entry: PersonalEntry }[]> {
  const { revisions } = await policyInForce(env);
  const read = await Promise.all(
    publishedServers.choose(revisions).map(async (name) => {
      const { entry } = parseRevision(name, await readRevision(env, String(revisions.get(name))));
      return isPersonal(entry) ? [{ name, entry }] : [];
    }),
  );
  return read.flat();
}

/** Those of which this person may use something, with the state of their account. */
export async function listOwn(env: Env, person: { id: string; role: string }): Promise<OwnConnection[]> {
  const policy = await policyInForce(env);
  const connections = await listPersonal(env);
  const own = await Promise.all(
    connections.map(async ({ name, entry }) => {
      const catalogue = await publishedServers
        .open(env, name, String(policy.revisions.get(name)))
        .then((server) => createCatalogue(name, "", [server]))
        .catch(() => null);
      if (catalogue === null) return [];
      const { tools, resources, templates, prompts, servers } = catalogue;
      const scopes = servers.flatMap((server) => Object.keys(server.scopes));
      const caller = { role: person.role, scopes, ip: null, country: null, mfaAt: Date.now() };
      const entries = [...tools.values(), ...resources.values(), ...templates, ...prompts.values()];
      const offered = entries.filter(
        ({ subject }) => subject.server === name && scopes.includes(subject.scope),
      );
      // One without approved definitions is there for those who could use some: an account is needed to review it.
      const subjects = offered.length > 0 ? offered.map(({ subject }) => subject) : [anyTool(name)];
      if (!subjects.some((subject) => isVisible(policy, caller, subject))) return [];
      const account = await accountGate(env, name, person.id).state(entry.reach.url);
      return [{ name, entry, account }];
    }),
  );
  return own.flat();
}

function anyTool(server: string): Subject {
  const name = `${server}_any`;
  return {
    kind: "tool",
    server,
    name,
    scope: `${server}:read`,
    effect: "read",
    costly: false,
    reads: [],
    sends: "nothing",
    fields: new Set(),
  };
}

/** One of {@link listOwn}, by name; `null` if there is none. */
export async function findOwn(
  env: Env,
  person: { id: string; role: string },
  name: string,
): Promise<OwnConnection | null> {
  return (await listOwn(env, person)).find((one) => one.name === name) ?? null;
}
