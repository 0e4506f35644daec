import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { findLostWorkloads } from "../shared/policy/changes/check-workloads.ts";
import { describeDifference, type Side } from "../shared/policy/changes/diff.ts";
import { findUnreachable } from "../shared/policy/changes/find-unreachable.ts";
import { readPublished, readState } from "../shared/policy/changes/published.ts";
import { formatMistake, type Mistake } from "../shared/policy/changes/read-policy.ts";
import type { PolicyDocument } from "../shared/policy/schema.ts";
import { CommandFailure } from "./local/failure.ts";
import { ROOT } from "./local/root.ts";
import { runCommand } from "./platform/run-command.ts";
import { readRegistry } from "./policy/catalogue.ts";
import { explainFlags } from "./policy/explain.ts";
import { type Loaded, loadCases, loadPolicy, POLICY_FILES, writtenFiles } from "./policy/files.ts";
import { openPlatform } from "./policy/place.ts";
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

const OPTIONS = {
  file: { type: "string", default: POLICY_FILES.policy },
  note: { type: "string", default: "" },
  by: { type: "string" },
  url: { type: "string" },
  version: { type: "string" },
  publication: { type: "string" },
  days: { type: "string", default: "7" },
  role: { type: "string" },
  user: { type: "string" },
  env: { type: "string", default: "local" },
  state: { type: "string" },
  tool: { type: "string" },
  resource: { type: "string" },
  prompt: { type: "string" },
  console: { type: "string" },
  args: { type: "string" },
  scopes: { type: "string" },
  country: { type: "string" },
  ip: { type: "string" },
  at: { type: "string" },
  "mfa-age": { type: "string" },
  session: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
} as const;

type Flags = ReturnType<typeof readCommand>["flags"];

async function main(): Promise<void> {
  const { command, operands, flags } = readCommand();
  switch (command) {
    case undefined:
      console.log(HELP);
      return;
    case "check":
      await check(flags);
      return;
    case "test":
      await test(await load(POLICY_FILES.policy));
      return;
    case "build":
      await build();
      return;
    case "explain":
      console.log(await explainFlags(await load(flags.file), flags));
      return;
    case "diff":
      console.log(await compare(operands, flags));
      return;
    case "simulate":
      console.log(await simulateDays(await load(flags.file), flags.days, flags, Date.now()));
      return;
    case "publish":
      console.log(await publish(flags));
      return;
    case "versions":
      console.log(await listVersions(flags));
      return;
    default:
      throw new CommandFailure(`There is no command "${command}".`, "See: npm run policy -- --help");
  }
}

async function check(flags: Flags): Promise<void> {
  const { read, known } = await load(flags.file);
  console.log(`✓ ${flags.file} is valid.`);
  const warnings = [
    ...(read.policy ? findUnreachable(read.policy, known) : []),
    ...(read.value ? await findLost(read.value, flags) : []),
  ];
  for (const warning of warnings) console.log(`! ${warning}`);
}

/** Service accounts that rules name and the database of the environment does not have. Only such rules need a database. */
async function findLost(document: PolicyDocument, flags: Flags): Promise<string[]> {
  if (Object.keys(document.sign_in?.workloads ?? {}).length === 0) return [];
  try {
    return await findLostWorkloads(openPlatform(flags), document, Date.now());
  } catch {
    return [
      `The service accounts of sign_in.workloads were not looked up: no database of ${flags.env} answers.`,
    ];
  }
}

async function publish(flags: Flags): Promise<string> {
  // A rollback must not depend on the file in this folder.
  if (flags.version !== undefined) {
    return publishVersionAgain(readNumber(flags.version), await readRegistry(), flags);
  }
  if (flags.publication !== undefined) {
    return publishPublicationAgain(readNumber(flags.publication), await readRegistry(), flags);
  }
  const loaded = await load(flags.file);
  // The cases belong to the default file.
  if (flags.file === POLICY_FILES.policy) await test(loaded);
  return publishFile(loaded, flags);
}

/** Compares the policy in force with the file, or the two named versions or files. */
async function compare([first, second]: readonly string[], flags: Flags): Promise<string> {
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
  return describeDifference(before, await read(second ?? flags.file), await readRegistry());
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

function readCommand() {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS });
    const [command, ...operands] = positionals;
    return { command: values.help ? undefined : command, operands, flags: values };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(message, "See: npm run policy -- --help");
  }
}

await runCommand(main);
