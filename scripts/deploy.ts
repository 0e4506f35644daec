import { execFileSync } from "node:child_process";
import { buildBundle } from "./check/bundle.ts";
import { migrations } from "./check/migrations.ts";
import { findFlagProblem } from "./deploy/compatibility.ts";
import { inspectAccount } from "./deploy/inspect.ts";
import {
  type AccountState,
  FRESH_ACCOUNT,
  findObstacles,
  formatCommand,
  planDeployment,
} from "./deploy/plan.ts";
import { runSteps } from "./deploy/run-steps.ts";
import { type DeploymentTarget, readTarget } from "./deploy/target.ts";
import { command, runScript, type Values } from "./local/command-line.ts";
import { CommandFailure, reportFailure } from "./local/failure.ts";
import { endWithReader } from "./local/output.ts";
import { ROOT } from "./local/root.ts";

const HELP = `Deploys Gatehouse: creates what the account lacks, migrates, then deploys, then waits until it is ready.

  npm run deploy                       production
  npm run deploy -- --env staging      staging
  npm run deploy -- --rotate <secret>  with a new signing key; the old key still verifies
  npm run deploy -- --dry-run          a rehearsal, offline: builds, tries migrations, prints the steps
`;

const TAKES = {
  env: { type: "string", default: "production" },
  rotate: { type: "string", multiple: true, default: [] as string[] },
  "dry-run": { type: "boolean", default: false },
} as const;

/** `npm run deploy`. */
export const DEPLOY = { name: "deploy", help: HELP, commands: { "": command({ takes: TAKES }, main) } };

if (import.meta.main) {
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
  endWithReader();
  try {
    await runScript(DEPLOY);
  } catch (failure) {
    process.exitCode = reportFailure(failure);
  }
}

async function main({ rotate, "dry-run": rehearsal, env }: Values<typeof TAKES>): Promise<void> {
  const environment = readEnvironment(env);
  const target = readTarget(environment);
  const unknown = rotate.find((name) => !target.secrets.includes(name));
  if (unknown !== undefined) {
    throw new CommandFailure(
      `There is no secret ${unknown} to rotate.`,
      `The secrets are ${target.secrets.join(", ")}.`,
    );
  }
  console.log(
    `${rehearsal ? "Rehearsing" : "Deploying"} ${target.worker} (${environment}) at ${target.publicUrl}\n`,
  );
  warnAboutWorkingTree();
  requireFlags(target);
  await requireMigrations();
  if (rehearsal) await rehearse(target);
  else await deploy(target, await inspectAccount(target), rotate);
}

async function deploy(
  target: DeploymentTarget,
  state: AccountState,
  rotate: readonly string[],
): Promise<void> {
  const [obstacle, ...others] = findObstacles(target, state);
  if (obstacle !== undefined) {
    throw new CommandFailure(
      "Not deployed; nothing was changed.",
      [obstacle, ...others, "Then run the same command again."].join("\n  "),
    );
  }
  await runSteps(planDeployment(target, state, rotate));
  console.log(`\nGatehouse is live: ${target.publicUrl}/mcp`);
}

async function rehearse(target: DeploymentTarget): Promise<void> {
  const files = await buildBundle(target.environment);
  const size = files.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  console.log(
    `✓ The Worker builds for ${target.environment}: ${files.length} file(s), ${Math.round(size / 1024)} KiB.`,
  );
  for (const obstacle of findObstacles(target, FRESH_ACCOUNT))
    console.log(`! Before a real deployment: ${obstacle}`);
  console.log("\nSteps on a fresh account. An update leaves out what already exists:\n");
  for (const [index, { title, action }] of planDeployment(target, FRESH_ACCOUNT).entries()) {
    console.log(`${String(index + 1).padStart(2)}. ${title}`);
    console.log(`      ${action.kind === "probe" ? `GET ${action.url}` : formatCommand(action.args)}`);
  }
  console.log("\nRehearsal passed. Nothing was sent anywhere.");
}

/** Throws before anything is created: an upload with a flag that the platform refuses would fail as the last step. */
function requireFlags({ compatibilityDate, compatibilityFlags }: DeploymentTarget): void {
  const problem = findFlagProblem(compatibilityDate, compatibilityFlags);
  if (problem === null) return;
  throw new CommandFailure(
    "The runtime does not accept the compatibility date or flags of wrangler.toml; nothing was changed.",
    problem,
  );
}

async function requireMigrations(): Promise<void> {
  const { findings, summary } = await migrations.run();
  if (findings.length > 0) {
    throw new CommandFailure(
      "The migrations are invalid; nothing was changed.",
      `Correct these first:\n  ${findings.join("\n  ")}`,
    );
  }
  console.log(`✓ Migrations apply to empty databases: ${summary}.`);
}

/** Warns if the working tree differs from the commit. A folder without git has nothing to compare. */
function warnAboutWorkingTree(): void {
  try {
    const changed = execFileSync("git", ["status", "--porcelain"], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    if (changed.trim() === "") return;
    const count = changed.trim().split("\n").length;
    console.log(
      `! ${count} file(s) differ from the last commit; the deployment uses the files in the folder.`,
    );
  } catch {
    return;
  }
}

function readEnvironment(env: string): "production" | "staging" {
  if (env === "production" || env === "staging") return env;
  throw new CommandFailure(
    `--env ${env} cannot be deployed; it is production or staging.`,
    "For the options: npm run deploy -- --help",
  );
}
