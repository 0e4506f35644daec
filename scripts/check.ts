import { bundleSize } from "./check/bundle-size.ts";
import { lint, types } from "./check/compiler.ts";
import { configuration } from "./check/configuration.ts";
import { connections } from "./check/connections.ts";
import type { Check, CheckOutcome } from "./check/definition.ts";
import { fileLengths } from "./check/file-lengths.ts";
import { FOLDERS, importDirections } from "./check/import-directions.ts";
import { links } from "./check/links.ts";
import { migrations } from "./check/migrations.ts";
import { packages } from "./check/packages.ts";
import { policy } from "./check/policy.ts";
import { reference } from "./check/reference.ts";
import { schemas } from "./check/schemas.ts";
import { writeTally } from "./check/tally.ts";
import { tokenCost } from "./check/token-cost.ts";
import { unusedCode } from "./check/unused-code.ts";
import { views } from "./check/views.ts";
import { workerTypes } from "./check/worker-types.ts";
import { command, runScript, type Script } from "./local/command-line.ts";
import { CommandFailure, reportFailure } from "./local/failure.ts";

const CHECKS: readonly Check[] = [
  types,
  lint,
  importDirections,
  unusedCode,
  fileLengths,
  packages,
  workerTypes,
  configuration,
  migrations,
  policy,
  connections,
  views,
  reference,
  schemas,
  links,
  bundleSize,
  tokenCost,
];

/** Maximum findings printed per check. */
const MOST_FINDINGS = 40;

const HELP = `npm run check              every check
npm run check -- --folders the folders of what is deployed, lowest first
npm run check -- <name>…   the named ones:

${CHECKS.map(({ name, ensures }) => `  ${name.padEnd(14)}${ensures}`).join("\n")}`;

/** `npm run check`. */
export const CHECK: Script = {
  name: "check",
  help: HELP,
  commands: {
    "": command(
      { takes: { folders: { type: "boolean" } }, words: ["[name…]"] },
      async ({ folders }, names) => {
        if (folders) for (const [folder, holds] of FOLDERS) console.log(`${folder.padEnd(26)}${holds}`);
        else await runChecks(names);
      },
    ),
  },
};

if (import.meta.main) {
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
  try {
    await runScript(CHECK);
    process.exit();
  } catch (failure) {
    process.exit(reportFailure(failure));
  }
}

async function runChecks(chosen: readonly string[]): Promise<void> {
  const unknown = chosen.find((name) => !CHECKS.some((check) => check.name === name));
  if (unknown !== undefined)
    throw new CommandFailure(
      `There is no check "${unknown}".`,
      `There are: ${CHECKS.map(({ name }) => name).join(", ")}.`,
    );
  const selected = CHECKS.filter(({ name }) => chosen.length === 0 || chosen.includes(name));
  let failed = 0;
  for (const check of selected) {
    const began = performance.now();
    const outcome = await runCheck(check);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const passed = outcome.findings.length === 0;
    if (!passed) failed += 1;
    console.log(
      `${passed ? "✓" : "✗"} ${check.name.padEnd(14)}${`${seconds} s`.padStart(7)}  ${outcome.summary}`,
    );
    for (const line of outcome.findings.slice(0, MOST_FINDINGS)) console.log(`    ${line}`);
    const hidden = outcome.findings.length - MOST_FINDINGS;
    if (hidden > 0) console.log(`    … and ${hidden} more`);
    for (const line of outcome.notes ?? []) console.log(`    note: ${line}`);
  }
  console.log(`\n${selected.length - failed} checks passed, ${failed} failed`);
  await writeTally("check", { passed: selected.length - failed, failed });
  if (failed > 0) process.exitCode = 1;
}

async function runCheck(check: Check): Promise<CheckOutcome> {
  try {
    return await check.run();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { summary: "could not run", findings: text.split("\n").filter((line) => line.trim() !== "") };
  }
}
