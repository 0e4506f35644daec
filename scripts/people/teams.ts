import { randomBytes, randomUUID } from "node:crypto";
import { changePerson } from "../../shared/people/change-person.ts";
import { findByEmail } from "../../shared/people/statements.ts";
import {
  addressOfTeam,
  addTeam,
  addTeamMember,
  announceMember,
  findGroup,
  isTeamAddress,
  LIST_TEAMS,
  removeTeamMember,
} from "../../shared/people/teams.ts";
import { CommandFailure } from "../local/failure.ts";
import type { TrailDatabase } from "../platform/database.ts";
import { nameAsker } from "../platform/requests.ts";

const LIST = "List the teams: npm run people -- teams";

/** Prints the teams that own service accounts. */
export async function listTeams(database: TrailDatabase): Promise<void> {
  const teams = await database.query(LIST_TEAMS);
  if (teams.length === 0) console.log("There are no teams. Add one with the command add-team.");
  for (const { name, email, role, disabled, group, members, keys } of teams) {
    const from = group === null ? "named one by one" : `the group ${group}`;
    const state = disabled === 1 ? "disabled" : members === 0 ? "stopped: no active member" : "active";
    console.log(
      `${email}  ${name} (${role}, ${state})\n  ${members} members, ${from}; ${keys} service accounts`,
    );
  }
}

/** Adds a team. With a group, the members of that provisioned group manage its service accounts. */
export async function addNewTeam(
  database: TrailDatabase,
  { name, role, group }: { name: string; role: string; group: string | null },
): Promise<void> {
  const address = addressOfTeam(name);
  if (address.startsWith("@")) throw new CommandFailure("A team needs letters or digits in its name.", LIST);
  if ((await database.query(findByEmail(address))).length > 0) {
    throw new CommandFailure(`There is a team ${address} already.`, LIST);
  }
  if (group !== null && (await database.query(findGroup(group))).length === 0) {
    throw new CommandFailure(
      `No provisioned group has the name ${JSON.stringify(group)}.`,
      "Provision it (SCIM) first, or add the team without --group and name its members.",
    );
  }
  const team = { id: randomBytes(16).toString("hex"), name, role, group, at: new Date() };
  await changePerson(database, address, addTeam(team), nameAsker("people"));
  console.log(`Added the team ${name} (${address}); its service accounts have the role ${role}.`);
  console.log(
    group === null
      ? `Name its members: npm run people -- join --team ${address} --email …`
      : `The members of the group ${group} manage its service accounts at /account/keys.`,
  );
}

/** Names a person a member of a team, or ends that. Returns the mark by which the Worker carries it out. */
export async function changeMember(
  database: TrailDatabase,
  { team, person, change }: { team: string; person: string; change: "member_added" | "member_removed" },
): Promise<string> {
  if (!isTeamAddress(team) || (await database.query(findByEmail(team))).length === 0) {
    throw new CommandFailure(`There is no team ${team}.`, LIST);
  }
  const [mark, by] = [randomUUID(), nameAsker("people")];
  const sql = change === "member_added" ? addTeamMember(team, person) : removeTeamMember(team, person);
  await database.change(`${sql}\n${announceMember(team, { member: person, change, by, mark })}`);
  console.log(
    change === "member_added"
      ? `${person} manages the service accounts of ${team}, at /account/keys.`
      : `${person} no longer manages the service accounts of ${team}, unless a group says so. Rotate the keys that they have seen.`,
  );
  return mark;
}

/** Throws for the address of a team: what makes a person sign in is not for one. */
export function refuseTeam(address: string): void {
  if (isTeamAddress(address)) {
    throw new CommandFailure(
      `${address} is a team, which never signs in.`,
      "Its members sign in as themselves.",
    );
  }
}
