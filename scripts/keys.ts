import { readFile } from "node:fs/promises";
import { createKeyId, createSecret } from "../shared/auth/access-key.ts";
import { type PublicKey, readPublicKey } from "../shared/auth/public-key.ts";
import { KEY_DAYS, keyRequest, OVERLAP_HOURS, type Proof } from "../shared/people/key-request.ts";
import {
  addKey,
  announceKeyChange,
  findKey,
  type KeyRow,
  listKeys,
  listSecrets,
  removeKey,
  rotateKey,
} from "../shared/people/keys.ts";
import { findByEmail, idOfUser } from "../shared/people/statements.ts";
import { bundledPolicy } from "../shared/policy/bundled.ts";
import { describeKey } from "./keys/describe-key.ts";
import { type Command, command, refuseBoth, type Values } from "./local/command-line.ts";
import { CommandFailure } from "./local/failure.ts";
import type { PlatformDatabase } from "./platform/database.ts";
import { addressOf, notifyWorker, type Told } from "./platform/notify-worker.ts";
import { ADDRESS, addresseeOf, openPlatform, PLACE } from "./platform/place.ts";
import { nameAsker } from "./platform/requests.ts";
import { runCommands } from "./platform/run-command.ts";

const HELP = `API keys, for agents without a browser. People make their own at /account/keys; this command does it for them.

  npm run keys -- create --email ada@example.com --name "Nightly report" --path /mcp/analytics --scope analytics:read
      --path, --scope        one or more: the MCP addresses and the permissions; at most those of the person's role count
      --tool "crm_get_*"     only these tools, resources and prompts; may be repeated
      --network 203.0.113.0/24   only from these networks; may be repeated
      --certificate required   only with a client certificate (mTLS), or a SHA-256 fingerprint; may be repeated
      --days 30              until it ends; default ${KEY_DAYS.default}, at most ${KEY_DAYS.max}
      --public-key key.pem   no secret: the agent signs with its private key (private_key_jwt); also with rotate
      --workload             no secret: a rule of the policy (sign_in.workloads) names who gets its tokens
  npm run keys -- list                          everyone's, newest first; --email for one person's
  npm run keys -- rotate --id key_… --overlap 24    another secret; hours that the one before still works, 0 after a leak
  npm run keys -- revoke --id key_…             refused at the next call, open sessions included

  --env local|staging|production   default: local
  --state <folder>                 local storage elsewhere, as with npm start
  --url <url>                      where Gatehouse runs, if neither this storage nor the environment's PUBLIC_URL says
`;

const SEE_HELP = "For the commands: npm run keys -- --help";
const SEE_LIST = "See them: npm run keys -- list";
/** Most keys that one listing prints. */
const LISTED = 1_000;

const TEXT = { type: "string" } as const;
const SEVERAL = { type: "string", multiple: true, default: [] as string[] } as const;

const CREATE = {
  email: TEXT,
  name: TEXT,
  path: SEVERAL,
  scope: SEVERAL,
  tool: SEVERAL,
  network: SEVERAL,
  certificate: SEVERAL,
  days: { type: "string", default: String(KEY_DAYS.default) },
  "public-key": TEXT,
  workload: { type: "boolean", default: false },
  ...ADDRESS,
} as const;
const ROTATE = {
  id: TEXT,
  overlap: { type: "string", default: String(OVERLAP_HOURS.default) },
  "public-key": TEXT,
  ...ADDRESS,
} as const;

type AddressFlags = Values<typeof ADDRESS>;

const COMMANDS: Readonly<Record<string, Command>> = {
  create: command({ takes: CREATE }, async (flags) => {
    const database = openPlatform(flags);
    const { owner, role } = await requirePerson(database, flags.email);
    const request = readRequest(flags);
    const publicKey = await readKeyFile(request.proof, flags["public-key"]);
    const id = createKeyId();
    const { text, ...secret } = createSecret();
    const by = nameAsker("keys");
    const mark = crypto.randomUUID();
    const key = { ...request, id, owner, secret: { ...secret, mfaAt: null, publicKey }, at: Date.now(), by };
    const change = { change: "created", keyId: id, ended: [] } as const;
    await database.change(`${addKey(key)}\n${announceKeyChange(change, by, mark)}`);
    console.log(`Made ${id} "${request.name}" for ${owner}, for ${request.days} days.`);
    showProof({ ...request, id, text }, flags);
    warnOfFactor(role);
    await tell(flags, mark);
  }),
  list: command({ takes: { email: TEXT, ...PLACE } }, async ({ email, ...place }) => {
    const database = openPlatform(place);
    const owner = email === undefined ? undefined : (await requirePerson(database, email)).owner;
    const rows = (await database.query(listKeys(owner, LISTED))) as unknown as KeyRow[];
    for (const row of rows) console.log(describeKey(row, Date.now()));
    console.log(`${rows.length} ${rows.length === 1 ? "key" : "keys"}`);
  }),
  rotate: command({ takes: ROTATE }, async (flags) => {
    const database = openPlatform(flags);
    const key = await requireKey(database, flags.id);
    const hours = Number(flags.overlap);
    if (flags.overlap.trim() === "" || !Number.isInteger(hours) || hours < 0 || hours > OVERLAP_HOURS.max) {
      throw new CommandFailure(
        `--overlap ${JSON.stringify(flags.overlap)} is not possible.`,
        `Give whole hours, at most ${OVERLAP_HOURS.max}.`,
      );
    }
    const at = Date.now();
    if (Number(key.ends_at) <= at)
      throw new CommandFailure("This key has ended.", "Make another: npm run keys -- create");
    const publicKey = await readKeyFile(key.proof, flags["public-key"]);
    const { text, ...secret } = createSecret();
    const mark = crypto.randomUUID();
    const digests = await database.query(listSecrets(key.id, at));
    const ended = hours === 0 ? digests.map(({ digest }) => String(digest)) : [];
    const rotated = rotateKey(key.id, { ...secret, mfaAt: null, publicKey }, hours * 3_600_000, at);
    const change = announceKeyChange({ change: "rotated", keyId: key.id, ended }, nameAsker("keys"), mark);
    await database.change(`${rotated}\n${change}`);
    const before = hours === 0 ? "ends now" : `works ${hours} ${hours === 1 ? "hour" : "hours"} longer`;
    console.log(`${key.id} "${key.name}" is rotated. The credential before ${before}.`);
    showProof({ ...key, resources: JSON.parse(key.resources) as string[], text }, flags);
    const [owner] = await database.query(`SELECT "role" FROM "user" WHERE "id" = ${idOfUser(key.owner)};`);
    warnOfFactor(String(owner?.role));
    await tell(flags, mark);
  }),
  revoke: command({ takes: { id: TEXT, ...ADDRESS } }, async (flags) => {
    const database = openPlatform(flags);
    const key = await requireKey(database, flags.id);
    const mark = crypto.randomUUID();
    const change = announceKeyChange(
      { change: "revoked", keyId: key.id, ended: [] },
      nameAsker("keys"),
      mark,
    );
    await database.change(`${change}\n${removeKey(key.id)}`);
    console.log(`Revoked ${key.id} "${key.name}".`);
    await tell(flags, mark);
  }),
};

/** When a change counts for open sessions: at their next call, once the Worker knows of it. */
const WHEN: Readonly<Record<Told, string>> = {
  told: "In force: it applies to the next call.",
  refused: "Gatehouse has not acted on it yet: it applies within a minute, in open sessions within five.",
  silent: "Gatehouse did not answer: it applies within a minute, in open sessions within five.",
  not_running: "No Gatehouse runs on this storage: it applies from the next start.",
};

async function tell(flags: AddressFlags, mark: string): Promise<void> {
  console.log(WHEN[await notifyWorker(addresseeOf(flags), { path: "/people/changes", body: { mark } })]);
}

function showProof(
  { id, proof, resources, text }: { id: string; proof: Proof; resources: readonly string[]; text: string },
  flags: AddressFlags,
): void {
  const base = addressOf(addresseeOf(flags));
  const endpoint = `client_id ${id} at ${new URL("/oauth/token", base).href}`;
  const lines: Readonly<Record<Proof, string>> = {
    secret: `Key, shown this once: ${text}\nThe agent sends it to ${new URL(resources[0] ?? "/mcp", base).href} as: Authorization: Bearer <key>\nOr as client_secret of ${endpoint}`,
    public_key: `The agent signs with its private key (private_key_jwt), as ${endpoint}`,
    workload: `Name it in the policy, under sign_in.workloads: account: ${id}`,
  };
  console.log(lines[proof]);
}

/** The public key in a file, for an account that proves itself with one. */
async function readKeyFile(proof: Proof, file: string | undefined): Promise<PublicKey | undefined> {
  if (proof !== "public_key") {
    if (file === undefined) return undefined;
    throw new CommandFailure("This account has no public key.", "Rotate it without --public-key.");
  }
  if (file === undefined) throw new CommandFailure("--public-key is missing.", SEE_HELP);
  const text = await readFile(file, "utf8").catch(() => {
    throw new CommandFailure(
      `${file} cannot be read.`,
      "Give the path of a public key: --public-key key.pem",
    );
  });
  const key = await readPublicKey(text);
  if (typeof key === "string") throw new CommandFailure(`${key}.`, SEE_HELP);
  return key;
}

/** A command gives no second factor. */
function warnOfFactor(role: string): void {
  if (!bundledPolicy().roles.get(role)?.mfaRequired) return;
  console.log(
    `The role ${role} asks for a second factor, and this secret was made without one: it is refused. The owner makes or rotates it at /account/keys.`,
  );
}

async function requirePerson(
  database: PlatformDatabase,
  email: string | undefined,
): Promise<{ owner: string; role: string }> {
  if (email === undefined) throw new CommandFailure("--email is missing.", SEE_HELP);
  const [person] = await database.query(findByEmail(email.toLowerCase()));
  if (person === undefined) {
    throw new CommandFailure(
      `No person has the address ${email}.`,
      "List the people: npm run people -- list",
    );
  }
  return { owner: String(person.email), role: String(person.role) };
}

async function requireKey(database: PlatformDatabase, id: string | undefined): Promise<KeyRow> {
  if (id === undefined) throw new CommandFailure("--id is missing.", SEE_LIST);
  const [found] = (await database.query(findKey(id))) as unknown as KeyRow[];
  if (found === undefined) throw new CommandFailure(`No key has the id ${JSON.stringify(id)}.`, SEE_LIST);
  return found;
}

/** Words of the command for the fields of a request. */
const OPTIONS: Readonly<Record<string, string>> = {
  name: "--name",
  resources: "--path",
  scopes: "--scope",
  tools: "--tool",
  networks: "--network",
  certificates: "--certificate",
  days: "--days",
};

function readRequest(flags: Values<typeof CREATE>) {
  refuseBoth("keys create", flags, ["public-key", "workload"]);
  const { name, path, scope, tool, network, certificate, days, workload } = flags;
  const proof: Proof = workload ? "workload" : flags["public-key"] === undefined ? "secret" : "public_key";
  const parsed = keyRequest.safeParse({
    name: name ?? "",
    ...{
      resources: path,
      scopes: scope,
      tools: tool,
      networks: network,
      certificates: certificate,
      days,
      proof,
    },
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new CommandFailure(`${OPTIONS[String(issue?.path[0])] ?? "This"}: ${issue?.message}.`, SEE_HELP);
  }
  const strange = parsed.data.resources.find((one) => !/^\/mcp(\/[a-z0-9_-]+)?$/.test(one));
  if (strange === undefined) return parsed.data;
  throw new CommandFailure(
    `--path ${JSON.stringify(strange)} is no path of an MCP address.`,
    "They look like /mcp and /mcp/crm; the home page lists them.",
  );
}

/** `npm run keys`. */
export const KEYS = { name: "keys", help: HELP, commands: COMMANDS };

if (import.meta.main) await runCommands(KEYS);
