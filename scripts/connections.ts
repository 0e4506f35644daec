import { writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { add } from "./connections/add.ts";
import type { WorkerPlace } from "./connections/ask-worker.ts";
import { bridge } from "./connections/bridge.ts";
import { changeSecret, doctor, showStatus, testAll } from "./connections/commands.ts";
import { showOperations } from "./connections/define-connections.ts";
import {
  CONNECTION_FILES,
  loadConnections,
  loadWanted,
  writeConnectionsSchema,
} from "./connections/files.ts";
import { describeDifference, publish, remove, showVersions } from "./connections/publish.ts";
import { approve, refuse, showReview, withdraw } from "./connections/review.ts";
import { CommandFailure } from "./local/failure.ts";
import { ENVIRONMENTS } from "./local/project.ts";
import { ROOT } from "./local/root.ts";
import { runCommand } from "./platform/run-command.ts";

const HELP = `Connects databases and HTTP APIs of your company. Entries are in ${CONNECTION_FILES.connections}.

  npm run connections -- add shop --kind postgresql    asks for what it needs, tests, and writes the entry
  npm run connections -- add crm2 --profile hubspot    a ready-made profile
  npm run connections -- add pets --kind openapi --document https://…/openapi.yaml
  npm run connections -- operations pets               the operations of its document, and those that cannot be used
  npm run connections -- check                         names file, line and field of every mistake
  npm run connections -- build                         writes the schema for editors
  npm run connections -- test [shop]                   opens a session and reads what the entry exposes
  npm run connections -- doctor shop                   what the account may do, and the SQL for one that only reads
  npm run connections -- doctor tracker --person you@example.com   with token_exchange: what the other side has to trust
  npm run connections -- secret shop                   sets the password, from a prompt or standard input
  npm run connections -- secret shop --expires 2027-01-31   the same; an alert tells before that day
  npm run connections -- secret shop --remove
  npm run connections -- review shop                   what an MCP server offers, and how it differs from what is approved
  npm run connections -- approve shop add echo         approves tools by name; --all: everything that waits
  npm run connections -- refuse shop steal             decides against what waits, until the other side changes it
  npm run connections -- withdraw shop add             takes an approval back, from the next publication on
  npm run connections -- bridge --port 8099 -- npx …   serves an MCP server of stdio over HTTP, on this machine
  npm run connections -- diff                          what a publication would change, each operation of a document too
  npm run connections -- publish --note "why"          tests, then puts the file in force within 30 seconds
  npm run connections -- versions shop                 publications of one connection
  npm run connections -- remove shop                   takes it out of force; the file stays as it is
  npm run connections -- status                        state, latency, breaker and last failure of each

  --file <connections.yaml>        another file
  --env local|staging|production   default: local; --state <folder> as with npm start
  --url <url>                      where Gatehouse runs, if not at the environment's PUBLIC_URL
  --new-address                    test, review, publish: the secret may go to an address that no published connection has
  add takes for HTTP: --document <address, file or -> --address <https://…> --auth none|bearer|header:X-Key|query:key|basic:user
                  --set name=value  answers a question of a profile; --auth per_person: each person's own account
  add also takes  --host --port --database --user --tls required|off --tables "public.*" --title --description --owner
                  Oracle: --service SALES --user GATEHOUSE --tables "SALES.*", in upper case as the dictionary has them
                  Kafka: --expose "orders,events.*" --auth none|plain|scram-sha-512
                  MongoDB: --expose "orders,customers"; OpenSearch: --expose "orders*,logs*" --auth basic:user|bearer|header:Authorization|none
                  an MCP server: --web-address https://… --auth none|bearer|per_person|token_exchange
                  token_exchange, also of an HTTP API: --token-endpoint https://… --issuer --audience --client-id
                  without a terminal the password is read from standard input
  To go back to an earlier publication: npm run policy -- publish --publication N
`;

const OPTIONS = {
  file: { type: "string", default: CONNECTION_FILES.connections },
  env: { type: "string", default: "local" },
  state: { type: "string" },
  url: { type: "string" },
  note: { type: "string", default: "" },
  remove: { type: "boolean", default: false },
  expires: { type: "string" },
  all: { type: "boolean", default: false },
  "new-address": { type: "boolean", default: false },
  person: { type: "string" },
  verbose: { type: "boolean", default: false },
  "web-address": { type: "string" },
  kind: { type: "string" },
  profile: { type: "string" },
  document: { type: "string" },
  address: { type: "string" },
  auth: { type: "string" },
  set: { type: "string", multiple: true },
  host: { type: "string" },
  port: { type: "string" },
  database: { type: "string" },
  service: { type: "string" },
  user: { type: "string" },
  tls: { type: "string" },
  tables: { type: "string" },
  prefixes: { type: "string" },
  expose: { type: "string" },
  title: { type: "string" },
  description: { type: "string" },
  owner: { type: "string" },
  hyperdrive: { type: "string" },
  "token-endpoint": { type: "string" },
  issuer: { type: "string" },
  audience: { type: "string" },
  "client-id": { type: "string" },
  help: { type: "boolean", short: "h", default: false },
} as const;

async function main(): Promise<void> {
  const { values: flags, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS });
  const [command, name, ...rest] = positionals;
  if (flags.help || command === undefined) {
    console.log(HELP);
    return;
  }
  const place = placeOf(flags);
  switch (command) {
    case "add":
      return await add(requireName(name), flags, place);
    case "check": {
      const { connections } = await loadConnections(flags.file);
      console.log(`✓ ${flags.file} is valid: ${Object.keys(connections).length} connections.`);
      return;
    }
    case "build":
      await writeFile(
        path.join(ROOT, CONNECTION_FILES.schema),
        `${JSON.stringify(writeConnectionsSchema(), null, 2)}\n`,
      );
      console.log(`✓ Wrote ${CONNECTION_FILES.schema}.`);
      return;
    case "test":
      return await testAll(await loadWanted(flags.file, place), name, place, flags.person);
    case "doctor":
      return await doctor(await loadWanted(flags.file, place), requireName(name), place, flags.person);
    case "secret":
      return await changeSecret(
        await loadWanted(flags.file, place),
        requireName(name),
        { isRemoved: flags.remove, expires: flags.expires },
        place,
      );
    case "operations":
      console.log(await showOperations(await loadWanted(flags.file, place), requireName(name), flags.file));
      return;
    case "diff":
      console.log(await describeDifference(await loadWanted(flags.file, place), flags.file, place));
      return;
    case "publish":
      return await publish(await loadWanted(flags.file, place), flags, place);
    case "versions":
      console.log(await showVersions(requireName(name), place));
      return;
    case "remove":
      return await remove(requireName(name), flags.note, place);
    case "bridge":
      return await bridge(
        [name, ...rest].filter((part) => part !== undefined),
        flags.port,
      );
    case "review":
      return await showReview(await loadConnections(flags.file), requireName(name), flags, place);
    case "approve":
      return await approve(await loadConnections(flags.file), requireName(name), rest, flags, place);
    case "refuse":
      return await refuse(await loadConnections(flags.file), requireName(name), rest, flags, place);
    case "withdraw":
      return await withdraw(requireName(name), rest, place);
    case "status":
      return await showStatus(place);
    default:
      throw new CommandFailure(`There is no command "${command}".`, "See: npm run connections -- --help");
  }
}

function placeOf({
  env,
  state,
  url,
  "new-address": newAddress,
}: {
  env: string;
  state?: string;
  url?: string;
  "new-address": boolean;
}): WorkerPlace {
  const environment = ENVIRONMENTS.find((known) => known === env);
  if (environment === undefined) {
    throw new CommandFailure(
      `--env must be one of ${ENVIRONMENTS.join(", ")}.`,
      "See: npm run connections -- --help",
    );
  }
  return { env: environment, state, url, newAddress };
}

function requireName(name: string | undefined): string {
  if (name !== undefined) return name;
  throw new CommandFailure("Name a connection.", "See: npm run connections -- --help");
}

await runCommand(main);
