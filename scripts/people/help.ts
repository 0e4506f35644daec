/** What `npm run people` prints without a command. */
export function writeHelp(roles: readonly string[]): string {
  return `Manages the people who may sign in. There is no sign-up: this command adds people, and single sign-on where the policy has it.

  npm run people -- add --email ada@example.com --name "Ada Lovelace" --role analyst
  npm run people -- invite --email ada@example.com --name "Ada Lovelace" --role analyst    adds them; a link to choose a password, by e-mail where Gatehouse sends it
  npm run people -- reset --email ada@example.com         a link to choose another password; --print prints a link, and sends no e-mail
  npm run people -- import people.csv --dry-run           checks columns email, name, role; without --dry-run adds all or none
  npm run people -- list                                  100 a page; --search for a part of the address, --after for the next page
  npm run people -- list --role analyst                   of one role; --disabled: those who may not sign in
  npm run people -- role --email ada@example.com --role admin
  npm run people -- password --email ada@example.com      a new password, everywhere signed out
  npm run people -- second-factor --email ada@example.com removes it, for a person who lost phone and codes
  npm run people -- unlink --email ada@example.com        ends their identity at single sign-on: another subject may come in
  npm run people -- disable --email ada@example.com       refused at the next call, open sessions included
  npm run people -- enable --email ada@example.com

  npm run people -- teams                                 teams that own service accounts
  npm run people -- add-team --name "Night jobs" --role agent --group Finance    members: those of a provisioned group
  npm run people -- join --team night-jobs@team.invalid --email ada@example.com  or people named one by one; leave ends it

  npm run people -- erase --email ada@example.com         lists the data to erase; --yes erases it
  npm run -s people -- export --email ada@example.com     one person's data, as JSON
  npm run people -- request --id 12                       the result of an erasure

  --env local|staging|production   default: local
  --state <folder>                 local storage elsewhere, as with npm start
  --url <url>                      where Gatehouse runs, if neither this storage nor the environment's PUBLIC_URL says
  Roles: ${roles.join(", ")}
`;
}
