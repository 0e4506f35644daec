import { followDue, markDue } from "./follow-groups.ts";
import {
  type GroupBody,
  groupBody,
  isSelected,
  type PatchOperation,
  parse,
  readSelection,
  requireUnique,
  ScimError,
  type Selection,
  select,
  URN,
  withPath,
} from "./messages.ts";

/** A group as the database has it. */
export interface ScimGroup {
  id: string;
  display_name: string;
  external_id: string | null;
  created_at: number;
  updated_at: number;
}

const FILTERS: Readonly<Record<string, string>> = {
  displayName: "display_name = ?1",
  externalId: "external_id = ?1",
  id: "id = ?1",
};

/** Condition on `scim_user`: members of a group. */
const MEMBERS = "user_id IN (SELECT user_id FROM scim_member WHERE group_id = ?)";

/** Condition on `scim_user`: listed in JSON. */
const LISTED = "user_id IN (SELECT value FROM json_each(?))";

const TAKEN = "Another group has this name.";

/** Longest id of a person, in characters of at most six bytes in JSON. */
const LONGEST = 64;
/** Ids in one bound value: D1 takes 2 MB. */
const AT_ONCE = 5_000;

/** Attributes by which a list can be filtered. */
export const GROUP_FILTERS = Object.keys(FILTERS);

/** One page of groups, and how many there are. */
export async function listGroups(
  database: D1Database,
  filter: { attribute: string; value: string } | null,
  { start, count }: { start: number; count: number },
): Promise<{ groups: ScimGroup[]; total: number }> {
  const where = filter === null ? "?1 = ''" : (FILTERS[filter.attribute] ?? "0");
  const value = filter?.value ?? "";
  const [rows, counted] = await Promise.all([
    database
      .prepare(`SELECT * FROM scim_group WHERE ${where} ORDER BY id LIMIT ?2 OFFSET ?3`)
      .bind(value, count, start - 1)
      .all<ScimGroup>(),
    database
      .prepare(`SELECT count(*) AS total FROM scim_group WHERE ${where}`)
      .bind(value)
      .first<{ total: number }>(),
  ]);
  return { groups: rows.results, total: counted?.total ?? 0 };
}

/** A group. Throws 404 for an unknown id. */
export async function findGroup(database: D1Database, id: string): Promise<ScimGroup> {
  const group = await database.prepare("SELECT * FROM scim_group WHERE id = ?").bind(id).first<ScimGroup>();
  if (group === null) throw new ScimError(404, "There is no such group.");
  return group;
}

/** Adds a group with its members. */
export async function createGroup(env: Env, body: GroupBody): Promise<ScimGroup> {
  const id = crypto.randomUUID().replaceAll("-", "");
  await requireFree(env.PLATFORM_DB, body.displayName, id);
  const database = env.PLATFORM_DB;
  const adding = database.batch([
    database
      .prepare(
        "INSERT INTO scim_group (id, display_name, external_id, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)",
      )
      .bind(id, body.displayName, body.externalId ?? null, Date.now()),
    ...memberStatements(database, id, { add: valuesOf(body.members ?? []) }),
  ]);
  await requireUnique(adding, TAKEN);
  await followDue(env);
  return await findGroup(env.PLATFORM_DB, id);
}

/** Replaces a group with its members (PUT), whole or not at all. */
export async function replaceGroup(env: Env, group: ScimGroup, body: GroupBody): Promise<ScimGroup> {
  const members = replacing(valuesOf(body.members ?? []));
  return await changeGroup(env, group, { ...namesOf(body), members });
}

/** Changes a group's name or members (PATCH): all operations, in their order, or none (RFC 7644 §3.5.2). */
export async function patchGroup(
  env: Env,
  group: ScimGroup,
  operations: readonly PatchOperation[],
): Promise<ScimGroup> {
  const names = { displayName: group.display_name, externalId: group.external_id };
  const change: GroupChange = { ...names, members: { replace: false, add: new Set(), remove: new Set() } };
  for (const operation of operations.flatMap(withPath)) applyOperation(change, operation);
  return await changeGroup(env, group, change);
}

/** What a request makes of a group. */
interface GroupChange {
  displayName: string;
  externalId: string | null;
  members: MemberChange;
}

/** Ids of people who become members, and who are no members any more; with `replace` those alone are who become members. */
interface MemberChange {
  replace: boolean;
  add: Set<string>;
  remove: Set<string>;
}

function replacing(ids: readonly string[]): MemberChange {
  return { replace: true, add: new Set(ids), remove: new Set() };
}

function namesOf({ displayName, externalId }: GroupBody) {
  return { displayName, externalId: externalId ?? null };
}

function applyOperation(change: GroupChange, operation: PatchOperation): void {
  const { op, value } = operation;
  const path = (operation.path ?? "").replace(`${URN.group}:`, "");
  const { displayName, externalId } = change;
  switch (path.toLowerCase()) {
    case "members":
      applyMembers(change, op, value);
      return;
    case "displayname":
      if (op === "remove") throw new ScimError(400, "displayName cannot be removed.", "mutability");
      Object.assign(change, namesOf(parse(groupBody, { displayName: value, externalId })));
      return;
    case "externalid": {
      const named = parse(groupBody, { displayName, externalId: op === "remove" ? null : value });
      Object.assign(change, namesOf(named));
      return;
    }
  }
  // What a server does not keep it may ignore (RFC 7644 §3.5.2), but never which members are meant.
  if (!/^members\b/i.test(path)) return;
  const [, member] = /^members\[\s*value\s+eq\s+"([^"]{1,100})"\s*\]$/i.exec(path) ?? [];
  if (member === undefined || op !== "remove")
    throw new ScimError(400, 'Members are removed with members[value eq "id"].', "invalidPath");
  leave(change.members, [member]);
}

function applyMembers(change: GroupChange, op: PatchOperation["op"], value: unknown): void {
  if (value === undefined) {
    if (op !== "remove") throw new ScimError(400, "members: a value is missing.", "invalidValue");
    change.members = replacing([]);
    return;
  }
  // A single member may come without a list.
  const members = Array.isArray(value) || value === null ? value : [value];
  const listed = valuesOf(parse(groupBody, { displayName: "-", members }).members ?? []);
  if (op === "replace") change.members = replacing(listed);
  else if (op === "remove") leave(change.members, listed);
  else
    for (const id of listed) {
      change.members.add.add(id);
      change.members.remove.delete(id);
    }
}

function leave({ replace, add, remove }: MemberChange, ids: readonly string[]): void {
  for (const id of ids) {
    add.delete(id);
    if (!replace) remove.add(id);
  }
}

/** Writes a change in one transaction, and then gives who is concerned the role of their groups. */
async function changeGroup(
  env: Env,
  group: ScimGroup,
  { displayName, externalId, members }: GroupChange,
): Promise<ScimGroup> {
  const database = env.PLATFORM_DB;
  await requireFree(database, displayName, group.id);
  const now = members.replace ? await readMembers(database, group.id) : [];
  const known = new Set(now);
  const add = [...members.add].filter((id) => !known.has(id));
  const remove = members.replace ? now.filter((id) => !members.add.has(id)) : [...members.remove];
  const renaming = database
    .prepare("UPDATE scim_group SET display_name = ?, external_id = ? WHERE id = ?")
    .bind(displayName, externalId, group.id);
  // Rules go by the name.
  const due = displayName === group.display_name ? [] : [markDue(database, MEMBERS, group.id)];
  const changing = [renaming, ...due, ...memberStatements(database, group.id, { add, remove })];
  await requireUnique(database.batch(changing), TAKEN);
  await followDue(env);
  return await findGroup(database, group.id);
}

/** Removes a group. Its members lose the role that it gave. */
export async function removeGroup(env: Env, group: ScimGroup): Promise<void> {
  const database = env.PLATFORM_DB;
  await database.batch([
    markDue(database, MEMBERS, group.id),
    database.prepare("DELETE FROM scim_group WHERE id = ?").bind(group.id),
  ]);
  await followDue(env);
}

/** A group as RFC 7643 §4.2 writes it. */
export async function toGroup(env: Env, group: ScimGroup, selection: Selection = readSelection("", "")) {
  // A group of thousands is read without its members where the client does not want them.
  const members = isSelected(selection, "members") ? await readMembers(env.PLATFORM_DB, group.id) : [];
  return select(
    {
      schemas: [URN.group],
      id: group.id,
      ...(group.external_id !== null && { externalId: group.external_id }),
      displayName: group.display_name,
      members: members.map((value) => ({
        value,
        $ref: `${env.PUBLIC_URL}/scim/v2/Users/${value}`,
        type: "User",
      })),
      meta: {
        resourceType: "Group",
        created: new Date(group.created_at).toISOString(),
        lastModified: new Date(group.updated_at).toISOString(),
        location: `${env.PUBLIC_URL}/scim/v2/Groups/${group.id}`,
      },
    },
    selection,
  );
}

/** Ids of people who are not provisioned are left out. */
function memberStatements(
  database: D1Database,
  id: string,
  { add = [], remove = [] }: { add?: readonly string[]; remove?: readonly string[] },
): D1PreparedStatement[] {
  return [
    ...inParts(remove).flatMap((ids) => [
      database
        .prepare(
          "DELETE FROM scim_member WHERE group_id = ?1 AND user_id IN (SELECT value FROM json_each(?2))",
        )
        .bind(id, ids),
      markDue(database, LISTED, ids),
    ]),
    ...inParts(add).flatMap((ids) => [
      database
        .prepare(
          `INSERT OR IGNORE INTO scim_member (group_id, user_id)
           SELECT ?1, user_id FROM scim_user WHERE user_id IN (SELECT value FROM json_each(?2))`,
        )
        .bind(id, ids),
      markDue(database, LISTED, ids),
    ]),
    database.prepare("UPDATE scim_group SET updated_at = ? WHERE id = ?").bind(Date.now(), id),
  ];
}

/** Ids as JSON texts, each of which D1 takes as a bound value. */
function inParts(ids: readonly string[]): string[] {
  // No person has a longer id; those of people who are not provisioned count for nothing.
  const possible = ids.filter((one) => one.length <= LONGEST);
  return Array.from({ length: Math.ceil(possible.length / AT_ONCE) }, (_, index) =>
    JSON.stringify(possible.slice(index * AT_ONCE, (index + 1) * AT_ONCE)),
  );
}

async function requireFree(database: D1Database, displayName: string, id: string): Promise<void> {
  const other = await database
    .prepare("SELECT 1 FROM scim_group WHERE display_name = ? AND id <> ?")
    .bind(displayName, id)
    .first();
  if (other !== null) throw new ScimError(409, TAKEN, "uniqueness");
}

async function readMembers(database: D1Database, id: string): Promise<string[]> {
  const { results } = await database
    .prepare("SELECT user_id FROM scim_member WHERE group_id = ? ORDER BY user_id")
    .bind(id)
    .all<{ user_id: string }>();
  return results.map(({ user_id }) => user_id);
}

function valuesOf(members: readonly { value: string }[]): string[] {
  return members.map(({ value }) => value);
}
