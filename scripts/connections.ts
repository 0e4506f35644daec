import { writeFile } from "node:fs/promises";
import path from "node:path";
import { add, REACH } from "./connections/add.ts";
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
import { type Command, command, refuseBoth, type Values } from "./local/command-line.ts";
import { CommandFailure } from "./local/failure.ts";
import { ROOT } from "./local/root.ts";
import { ADDRESS, addresseeOf, PLACE } from "./platform/place.ts";
import { runCommands } from "./platform/run-command.ts";

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
  npm run connections -- review shop                   what an MCP server offers, and how it differs from what is approved;
                                                       --verbose: with what is decided; --person: with that person's account
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
  --new-address                    add, test, doctor, review, publish: the secret may go to an address that no published connection has
  add takes for HTTP: --document <address, file or -> --address <https://…> --auth none|bearer|header:X-Key|query:key|basic:user
                  --set name=value  answers a question of a profile; --auth per_person: each person's own account
  add also takes  --host --port --database --user --tls required|off --tables "public.*" --title --description --owner
                  --allow-privileged-role  for named queries that write: the account may do more than read
                  --secrets-store <binding> in the place of a password in the vault
                  --hyperdrive <binding> in the place of an address; Redis: --prefixes "session:,cart:"
                  Oracle: --service SALES --user GATEHOUSE --tables "SALES.*", in upper case as the dictionary has them
                  Kafka: --expose "orders,events.*" --auth none|plain|scram-sha-512
                  MongoDB: --expose "orders,customers"; OpenSearch: --expose "orders*,logs*" --auth basic:user|bearer|header:Authorization|none
                  an MCP server: --web-address https://… --auth none|bearer|per_person|token_exchange
                  token_exchange, also of an HTTP API: --token-endpoint https://… --issuer --audience --client-id
                  without a terminal the password is read from standard input
  To go back to an earlier publication: npm run policy -- publish --publication N
`;

const TEXT = { type: "string" } as const;
const FILE = { file: { type: "string", default: CONNECTION_FILES.connections } } as const;
const REVIEW = { ...FILE, person: TEXT, ...REACH } as const;
const ADD = {
  ...FILE,
  kind: TEXT,
  profile: TEXT,
  document: TEXT,
  address: TEXT,
  "web-address": TEXT,
  auth: TEXT,
  set: { type: "string", multiple: true },
  host: TEXT,
  port: TEXT,
  database: TEXT,
  service: TEXT,
  user: TEXT,
  tls: TEXT,
  tables: TEXT,
  prefixes: TEXT,
  expose: TEXT,
  title: TEXT,
  description: TEXT,
  owner: TEXT,
  hyperdrive: TEXT,
  "secrets-store": TEXT,
  "allow-privileged-role": { type: "boolean", default: false },
  "token-endpoint": TEXT,
  issuer: TEXT,
  audience: TEXT,
  "client-id": TEXT,
  ...REACH,
} as const;
const NAME = ["<connection>"];
const NAMES = ["<connection>", "<names…>"];

const COMMANDS: Readonly<Record<string, Command>> = {
  add: command({ takes: ADD, words: NAME }, async (flags, [name]) => {
    await add(requireName(name), flags, placeOf(flags));
  }),
  check: command({ takes: FILE }, async ({ file }) => {
    const { connections } = await loadConnections(file);
    console.log(`✓ ${file} is valid: ${Object.keys(connections).length} connections.`);
  }),
  build: command({ takes: {} }, async () => {
    const schema = `${JSON.stringify(writeConnectionsSchema(), null, 2)}\n`;
    await writeFile(path.join(ROOT, CONNECTION_FILES.schema), schema);
    console.log(`✓ Wrote ${CONNECTION_FILES.schema}.`);
  }),
  test: command({ takes: REVIEW, words: ["[connection]"] }, async (flags, [name]) => {
    const place = placeOf(flags);
    await testAll(await loadWanted(flags.file, place), name, flags, place);
  }),
  doctor: command({ takes: REVIEW, words: NAME }, async (flags, [name]) => {
    const place = placeOf(flags);
    await doctor(await loadWanted(flags.file, place), requireName(name), flags, place);
  }),
  secret: command(
    {
      takes: { ...FILE, expires: TEXT, remove: { type: "boolean", default: false }, ...ADDRESS },
      words: NAME,
    },
    async (flags, [name]) => {
      refuseBoth("connections secret", flags, ["remove", "expires"]);
      const place = placeOf(flags);
      const change = { isRemoved: flags.remove, expires: flags.expires };
      await changeSecret(await loadWanted(flags.file, place), requireName(name), change, place);
    },
  ),
  operations: command({ takes: { ...FILE, ...PLACE }, words: NAME }, async (flags, [name]) => {
    const wanted = await loadWanted(flags.file, placeOf(flags));
    console.log(await showOperations(wanted, requireName(name), flags.file));
  }),
  diff: command({ takes: { ...FILE, ...ADDRESS } }, async (flags) => {
    const place = placeOf(flags);
    console.log(await describeDifference(await loadWanted(flags.file, place), flags.file, place));
  }),
  publish: command({ takes: { ...FILE, note: { type: "string", default: "" }, ...REACH } }, async (flags) => {
    const place = placeOf(flags);
    await publish(await loadWanted(flags.file, place), flags, place);
  }),
  versions: command({ takes: PLACE, words: NAME }, async (flags, [name]) => {
    console.log(await showVersions(requireName(name), placeOf(flags)));
  }),
  remove: command(
    { takes: { note: { type: "string", default: "" }, ...ADDRESS }, words: NAME },
    async (flags, [name]) => await remove(requireName(name), flags.note, placeOf(flags)),
  ),
  bridge: command(
    { takes: { port: TEXT }, words: ["<command…>"] },
    async ({ port }, words) => await bridge(words, port),
  ),
  review: command(
    { takes: { ...REVIEW, verbose: { type: "boolean", default: false } }, words: NAME },
    async (flags, [name]) =>
      await showReview(await loadConnections(flags.file), requireName(name), flags, placeOf(flags)),
  ),
  approve: command(
    { takes: { ...REVIEW, all: { type: "boolean", default: false } }, words: NAMES },
    async (flags, [name, ...names]) => {
      if (flags.all && names.length > 0)
        throw new CommandFailure(
          "connections approve takes names or --all, not both.",
          "Leave one of them out.",
        );
      const document = await loadConnections(flags.file);
      await approve(document, requireName(name), names, flags, placeOf(flags));
    },
  ),
  refuse: command({ takes: REVIEW, words: NAMES }, async (flags, [name, ...names]) => {
    await refuse(await loadConnections(flags.file), requireName(name), names, flags, placeOf(flags));
  }),
  withdraw: command({ takes: ADDRESS, words: NAMES }, async (flags, [name, ...names]) => {
    await withdraw(requireName(name), names, placeOf(flags));
  }),
  status: command({ takes: ADDRESS }, async (flags) => await showStatus(placeOf(flags))),
};

function placeOf(
  flags: Values<typeof PLACE> & { url?: string | undefined; "new-address"?: boolean },
): WorkerPlace {
  const { environment, stateFolder, url } = addresseeOf(flags);
  return { env: environment, state: stateFolder, url, newAddress: flags["new-address"] ?? false };
}

function requireName(name: string | undefined): string {
  if (name !== undefined) return name;
  throw new CommandFailure("Name a connection.", "See: npm run connections -- --help");
}

/** `npm run connections`. */
export const CONNECTIONS = { name: "connections", help: HELP, commands: COMMANDS };

if (import.meta.main) await runCommands(CONNECTIONS);
