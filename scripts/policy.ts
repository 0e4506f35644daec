import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { findLostWorkloads } from "../shared/policy/changes/check-workloads.ts";
import { describeDifference, type Side } from "../shared/policy/changes/diff.ts";
import { findUnreachable } from "../shared/policy/changes/find-unreachable.ts";
import { readPublished, readState } from "../shared/policy/changes/published.ts";
import { formatMistake, type Mistake } from "../shared/policy/changes/read-policy.ts";
import type { PolicyDocument } from "../shared/policy/schema.ts";
import { type Command, command, refuseBoth, type Values } from "./local/command-line.ts";
import { CommandFailure } from "./local/failure.ts";
import { ROOT } from "./local/root.ts";
import type { PlatformDatabase } from "./platform/database.ts";
import { ADDRESS, openPlatform, PLACE, type Place } from "./platform/place.ts";
import { runCommands } from "./platform/run-command.ts";
import { readRegistry } from "./policy/catalogue.ts";
import { explainFlags } from "./policy/explain.ts";
import { type Loaded, loadCases, loadPolicy, POLICY_FILES, writtenFiles } from "./policy/files.ts";
import { listVersions, publishFile, publishPublicationAgain, publishVersionAgain } from "./policy/publish.ts";
import { simulateDays } from "./policy/simulate.ts";

const HELP = `Checks, tests, compares and publishes the policy in ${POLICY_FILES.policy}.

  npm run policy -- check                      names file, line and field of every mistake, and warns of what is lost
  npm run policy -- test                       runs the cases of ${POLICY_FILES.cases}
  npm run policy -- build                      check and test, then writes what is deployed
  npm run policy -- explain --role sales --tool crm_move_deal --args '{"stage":"won"}'
                                               which rule decides, and why
  npm run policy -- diff                       what the file changes for each role against what is in force
  npm run policy -- diff 2 3                   two versions; a file's name works as well
  npm run policy -- simulate --days 7          replays recorded calls against the file
  npm run policy -- publish --note "why"       puts the file in force, everywhere within 30 seconds
  npm run policy -- publish --version 2        puts an earlier version in force
  npm run policy -- publish --publication 5    the same, together with its catalogue revisions
  npm run policy -- versions                   publications, with time and author

  --file <policy.yaml>             another policy for check, explain, diff, simulate and publish
  --env local|staging|production   default: local; --state <folder> as with npm run people
  publish also takes      --by <name>; default: who is signed in on this machine
                          --url <url>; where Gatehouse runs, if not at the environment's PUBLIC_URL
  explain also takes      --user <e-mail> instead of --role, --resource, --prompt or --console <right> instead of
                          --tool,                          --scopes "a b", --country, --ip, --at, --mfa-age <minutes>,
                          --session private,untrusted (what the session has read before)
`;

const TEXT = { type: "string" } as const;
/** The policy that a command reads. */
const FILE = { file: { type: "string", default: POLICY_FILES.policy } } as const;
const PUBLISH = {
  // Without a default, because an earlier version needs none.
  file: TEXT,
  note: { type: "string", default: "" },
  by: TEXT,
  version: TEXT,
  publication: TEXT,
  ...ADDRESS,
} as const;
const EXPLAIN = {
  ...FILE,
  role: TEXT,
  user: TEXT,
  tool: TEXT,
  resource: TEXT,
  prompt: TEXT,
  console: TEXT,
  args: TEXT,
  scopes: TEXT,
  country: TEXT,
  ip: TEXT,
  at: TEXT,
  "mfa-age": TEXT,
  session: TEXT,
  ...PLACE,
} as const;
const DIFF = { file: TEXT, ...PLACE } as const;

const COMMANDS: Readonly<Record<string, Command>> = {
  check: command({ takes: { ...FILE, ...PLACE } }, check),
  test: command({ takes: {} }, async () => await test(await load(POLICY_FILES.policy))),
  build: command({ takes: {} }, build),
  explain: command({ takes: EXPLAIN }, async (flags) => {
    refuseBoth("policy explain", flags, ["role", "user"]);
    console.log(await explainFlags(await load(flags.file), flags));
  }),
  diff: command({ takes: DIFF, words: ["[version or file]", "[version or file]"] }, async (flags, words) => {
    if (flags.file !== undefined && words.length === 2)
      throw new CommandFailure("policy diff takes two versions or --file, not both.", "Leave --file out.");
    console.log(await compare(words, flags));
  }),
  simulate: command(
    { takes: { ...FILE, days: { type: "string", default: "7" }, ...PLACE } },
    async ({ file, days, ...place }) =>
      console.log(await simulateDays(await load(file), days, place, Date.now())),
  ),
  publish: command({ takes: PUBLISH }, async (flags) => console.log(await publish(flags))),
  versions: command({ takes: PLACE }, async (place) => console.log(await listVersions(place))),
};

async function check(flags: Values<typeof FILE> & Place): Promise<void> {
  // Opened at first use: an environment that does not exist is refused, also where no rule needs its database.
  const platform = openPlatform(flags);
  const { read, known } = await load(flags.file);
  console.log(`✓ ${flags.file} is valid.`);
  const warnings = [
    ...(read.policy ? findUnreachable(read.policy, known) : []),
    ...(read.value ? await findLost(read.value, platform, flags.env) : []),
  ];
  for (const warning of warnings) console.log(`! ${warning}`);
}

/** Service accounts that rules name and the database of the environment does not have. Only such rules need a database. */
async function findLost(
  document: PolicyDocument,
  platform: PlatformDatabase,
  env: string,
): Promise<string[]> {
  if (Object.keys(document.sign_in?.workloads ?? {}).length === 0) return [];
  try {
    return await findLostWorkloads(platform, document, Date.now());
  } catch {
    return [`The service accounts of sign_in.workloads were not looked up: no database of ${env} answers.`];
  }
}

async function publish(flags: Values<typeof PUBLISH>): Promise<string> {
  for (const [one, other] of [
    ["version", "publication"],
    ["version", "file"],
    ["publication", "file"],
  ] as const)
    refuseBoth("policy publish", flags, [one, other]);
  // A rollback must not depend on the file in this folder.
  if (flags.version !== undefined) {
    return publishVersionAgain(readNumber(flags.version), await readRegistry(), flags);
  }
  if (flags.publication !== undefined) {
    return publishPublicationAgain(readNumber(flags.publication), await readRegistry(), flags);
  }
  const { file = POLICY_FILES.policy } = flags;
  const loaded = await load(file);
  // The cases belong to the default file.
  if (file === POLICY_FILES.policy) await test(loaded);
  return publishFile(loaded, flags);
}

/** Compares the policy in force with the file, or the two named versions or files. */
async function compare([first, second]: readonly string[], flags: Values<typeof DIFF>): Promise<string> {
  const database = openPlatform(flags);
  const version = first === undefined ? (await readState(database)).version : 0;
  const read = async (operand: string): Promise<Side> => {
    if (!/^\d+$/.test(operand)) {
      const { value } = (await load(operand)).read;
      if (value === null) throw new TypeError("A policy with mistakes cannot be compared.");
      return { name: operand, document: value };
    }
    const { document } = await readPublished(database, readNumber(operand));
    return { name: `version ${operand}`, document };
  };
  const before = await read(first ?? String(version));
  return describeDifference(
    before,
    await read(second ?? flags.file ?? POLICY_FILES.policy),
    await readRegistry(),
  );
}

function readNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new CommandFailure(`"${text}" is no version.`, "List the versions: npm run policy -- versions");
}

async function load(file: string): Promise<Loaded> {
  const loaded = await loadPolicy(file);
  stopAt(loaded.mistakes, "Correct the file; the policy in force stays as it is.");
  return loaded;
}

async function test(loaded: Loaded): Promise<void> {
  const { count, mistakes } = await loadCases(POLICY_FILES.cases, loaded);
  stopAt(mistakes, "Correct the policy or the case.");
  console.log(`✓ ${count} cases pass.`);
}

async function build(): Promise<void> {
  const loaded = await load(POLICY_FILES.policy);
  await test(loaded);
  const files = writtenFiles(loaded);
  for (const { file, content } of files) {
    await writeFile(path.join(ROOT, file), `${JSON.stringify(content, null, 2)}\n`);
  }
  const names = files.map(({ file }) => file);
  spawnSync(path.join(ROOT, "node_modules/.bin/biome"), ["format", "--write", ...names], { cwd: ROOT });
  console.log(
    `✓ Wrote ${names.join(" and ")}. The next deployment includes it; the published version stays in force until: npm run policy -- publish`,
  );
}

function stopAt(mistakes: readonly Mistake[], advice: string): void {
  if (mistakes.length > 0) throw new CommandFailure(mistakes.map(formatMistake).join("\n  "), advice);
}

/** `npm run policy`. */
export const POLICY = { name: "policy", help: HELP, commands: COMMANDS };

if (import.meta.main) await runCommands(POLICY);
