import type { RegisteredClient } from "../shared/auth/registered-client.ts";
import { isAcceptableRedirect } from "../workers/gateway/oauth/redirects.ts";
import { addClient, createClient, listClients, removeClient } from "./apps/statements.ts";
import { type Command, command } from "./local/command-line.ts";
import { CommandFailure } from "./local/failure.ts";
import { readEnvironment } from "./local/project.ts";
import type { Row } from "./platform/database.ts";
import { environmentOf, openPlatform, PLACE } from "./platform/place.ts";
import { nameAsker } from "./platform/requests.ts";
import { runCommands } from "./platform/run-command.ts";

const HELP = `Registers apps that cannot register themselves: they are given a client id, and an address for codes.

  npm run apps -- register --name "Our agent" --redirect https://agent.example/oauth/callback
  npm run apps -- register --name "Our agent" --redirect … --redirect … --secret     also a client secret, shown once
  npm run apps -- list
  npm run apps -- remove --id app_…            refused at the next token, at most 30 minutes later

  --env local|staging|production   default: local
  --state <folder>                 local storage elsewhere, as with npm start
`;

const SEE_HELP = "For the commands: npm run apps -- --help";

const REGISTER = {
  name: { type: "string" },
  redirect: { type: "string", multiple: true, default: [] as string[] },
  secret: { type: "boolean", default: false },
  ...PLACE,
} as const;

const COMMANDS: Readonly<Record<string, Command>> = {
  register: command({ takes: REGISTER }, async ({ name, redirect, secret: confidential, ...place }) => {
    const database = openPlatform(place);
    const known = name?.trim() ?? "";
    if (known === "" || known.length > 80 || /\p{Cc}/u.test(known)) {
      throw new CommandFailure("--name must be 1 to 80 characters without control characters.", SEE_HELP);
    }
    if (redirect.length === 0) throw new CommandFailure("--redirect is missing.", SEE_HELP);
    const bad = redirect.find((address) => !isAcceptableRedirect(address, true));
    if (bad !== undefined) {
      throw new CommandFailure(
        `Authorization codes cannot be sent to ${JSON.stringify(bad)}.`,
        "An address is https, http on this machine, or the scheme of an app; without user info and fragment.",
      );
    }
    const at = Date.now();
    const { client, secret } = createClient(known, redirect, confidential, at);
    await database.change(addClient(client, nameAsker("apps"), at));
    const url = String(readEnvironment(environmentOf(place)).vars.PUBLIC_URL);
    console.log(`Registered ${known}. Give it:
  MCP URL         ${url}/mcp, or another address that ${url}/ lists
  client id       ${client.clientId}
  client secret   ${secret ?? "none: it uses PKCE"}${secret === null ? "" : "     (shown this once)"}
  codes go to     ${redirect.join("\n                  ")}`);
  }),
  list: command({ takes: PLACE }, async (place) => {
    const database = openPlatform(place);
    const rows = await database.query(listClients());
    for (const row of rows) console.log(describe(row));
    console.log(`${rows.length} ${rows.length === 1 ? "app" : "apps"}`);
  }),
  remove: command({ takes: { id: { type: "string" }, ...PLACE } }, async ({ id, ...place }) => {
    const database = openPlatform(place);
    if (id === undefined) throw new CommandFailure("--id is missing.", SEE_HELP);
    const [found] = await database.query(listClients(id));
    if (found === undefined) {
      throw new CommandFailure(`No app has the id ${JSON.stringify(id)}.`, "See them: npm run apps -- list");
    }
    await database.change(removeClient(id));
    console.log(`Removed ${id}. Its connections end at their next token refresh.`);
  }),
};

function describe({ client_id, record, by, at }: Row): string {
  const client = JSON.parse(String(record)) as RegisteredClient;
  const kind = client.tokenEndpointAuthMethod === "none" ? "no secret" : "secret";
  const day = new Date(Number(at)).toISOString().slice(0, 10);
  return `${client_id}  ${client.clientName} (${kind}), ${day}, ${by}\n  ${client.redirectUris.join("\n  ")}`;
}

/** `npm run apps`. */
export const APPS = { name: "apps", help: HELP, commands: COMMANDS };

if (import.meta.main) await runCommands(APPS);
