import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { formatMistake } from "./check/policy.ts";
import { CommandFailure, reportFailure } from "./local/failure.ts";
import { ROOT } from "./local/project.ts";
import { explain } from "./policy/explain.ts";
import { type Loaded, loadCases, loadPolicy, POLICY_FILES, writtenFiles } from "./policy/files.ts";
import type { Mistake } from "./policy/read-policy.ts";

const HELP = `Checks, tests and explains the policy in ${POLICY_FILES.policy}.

  npm run policy -- check                      names file, line and field of every mistake
  npm run policy -- test                       runs the cases of ${POLICY_FILES.cases}
  npm run policy -- build                      check and test, then writes what is deployed
  npm run policy -- explain --role sales --tool crm_move_deal --args '{"stage":"won"}'
                                               which rule decides, and why

  --file <policy.yaml>    another policy for check and explain
  explain also takes      --user <e-mail> (with --env, --state as npm run people) instead of --role,
                          --resource or --prompt instead of --tool, --scopes "a b", --country, --ip, --at
`;

const OPTIONS = {
  file: { type: "string", default: POLICY_FILES.policy },
  role: { type: "string" },
  user: { type: "string" },
  env: { type: "string", default: "local" },
  state: { type: "string" },
  tool: { type: "string" },
  resource: { type: "string" },
  prompt: { type: "string" },
  args: { type: "string" },
  scopes: { type: "string" },
  country: { type: "string" },
  ip: { type: "string" },
  at: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
} as const;

async function main(): Promise<void> {
  const { command, flags } = readCommand();
  switch (command) {
    case undefined:
      console.log(HELP);
      return;
    case "check":
      await load(flags.file);
      console.log(`✓ ${flags.file} is valid.`);
      return;
    case "test":
      await test(await load(POLICY_FILES.policy));
      return;
    case "build":
      await build();
      return;
    case "explain":
      console.log(await explain(await load(flags.file), flags));
      return;
    default:
      throw new CommandFailure(`There is no command "${command}".`, "See: npm run policy -- --help");
  }
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
  console.log(`✓ Wrote ${names.join(" and ")}. It is in force after the next deployment.`);
}

function stopAt(mistakes: readonly Mistake[], advice: string): void {
  if (mistakes.length > 0) throw new CommandFailure(mistakes.map(formatMistake).join("\n  "), advice);
}

function readCommand() {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS });
    return { command: values.help ? undefined : positionals[0], flags: values };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(message, "See: npm run policy -- --help");
  }
}

try {
  await main();
} catch (failure) {
  process.exitCode = reportFailure(failure);
}
