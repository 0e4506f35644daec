import { quoteText } from "../encoding/quote-text.ts";
import { idOfUser } from "./statements.ts";

/** Domain of the addresses that name teams: reserved, so that no mail and no sign-in ever reaches one (RFC 2606). */
const TEAM_DOMAIN = "team.invalid";

/** A team to add. */
export interface NewTeam {
  /** Opaque, without `:`. */
  id: string;
  name: string;
  /** Role that its service accounts have. */
  role: string;
  /** Name of the provisioned group whose members manage its accounts; `null` for people who are named one by one. */
  group: string | null;
  at: Date;
}

/** The address by which commands name a team: `Billing jobs` is `billing-jobs@team.invalid`. */
export function addressOfTeam(name: string): string {
  const words = name.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return `${words.join("-")}@${TEAM_DOMAIN}`;
}

/** Whether an address names a team. */
export function isTeamAddress(address: string): boolean {
  return address.endsWith(`@${TEAM_DOMAIN}`);
}

/** SQL: adds a team. Fails when there is one with this address. */
export function addTeam({ id, name, role, group, at }: NewTeam): string {
  const [key, address, when] = [id, addressOfTeam(name), at.toISOString()].map(quoteText);
  const groupId =
    group === null ? "NULL" : `(SELECT id FROM scim_group WHERE display_name = ${quoteText(group)})`;
  return [
    `INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt", "role", "disabled")`,
    `VALUES (${key}, ${quoteText(name)}, ${address}, 0, ${when}, ${when}, ${quoteText(role)}, 0);`,
    `INSERT INTO team (id, group_id, created_at) VALUES (${key}, ${groupId}, ${at.getTime()});`,
  ].join("\n");
}

/** SQL: names a person a member of a team, each by id or address. Changes nothing for one who is. */
export function addTeamMember(team: string, person: string): string {
  return `INSERT OR IGNORE INTO team_member (team_id, user_id) SELECT id, ${idOfUser(person)} FROM team WHERE id = ${idOfUser(team)};`;
}

/** SQL: ends a membership that was given by name. That of a group ends in the group. */
export function removeTeamMember(team: string, person: string): string {
  return `DELETE FROM team_member WHERE team_id = ${idOfUser(team)} AND user_id = ${idOfUser(person)};`;
}

/** SQL: asks the Worker to tell a team's sessions of a change of its members, and to record it. */
export function announceMember(
  team: string,
  {
    member,
    change,
    by,
    mark,
  }: { member: string; change: "member_added" | "member_removed"; by: string; mark: string },
): string {
  const detail = `json_object('change', ${quoteText(change)}, 'member', ${idOfUser(member)})`;
  return [
    `INSERT INTO admin_request (kind, user_id, detail, by, at, mark)`,
    `SELECT 'team_change', id, ${detail}, ${quoteText(by)}, unixepoch() * 1000, ${quoteText(mark)} FROM team WHERE id = ${idOfUser(team)};`,
  ].join("\n");
}

/** SQL: teams with their group, their number of active members, and their keys. */
export const LIST_TEAMS = `
  SELECT "name", "email", "role", "disabled", (SELECT display_name FROM scim_group WHERE id = group_id) AS "group",
         (SELECT count(DISTINCT user_id) FROM team_holder WHERE team_id = team.id) AS members,
         (SELECT count(*) FROM access_key WHERE owner = team.id) AS keys
    FROM team JOIN "user" ON "user"."id" = team.id ORDER BY "email" LIMIT 500;`;

/** SQL: the provisioned group with this name, or none. */
export function findGroup(name: string): string {
  return `SELECT id FROM scim_group WHERE display_name = ${quoteText(name)};`;
}

/**
 * SQL condition: this account is a person, or a team that has an active member. A team without one is refused everywhere,
 * as a person who is kept out.
 *
 * @param id - SQL for the account's id
 */
export function isHeld(id: string): string {
  return `(NOT EXISTS (SELECT 1 FROM team WHERE team.id = ${id}) OR EXISTS (SELECT 1 FROM team_holder WHERE team_id = ${id}))`;
}
