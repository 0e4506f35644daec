import { parseArgs } from "node:util";
import { EXPECTED_FAILURES } from "./expected-failures.ts";
import { startFixtureGateway } from "./fixture-gateway.ts";
import { RELAYED_DIFFERENCES } from "./relayed/differences.ts";
import { startRelayingGateway } from "./relayed/relaying-gateway.ts";
import type { ScenarioResult } from "./results.ts";
import { PARTS, type Part, runPart, runRevision, runScenario } from "./suite.ts";

const HELP = `Runs the official MCP conformance suite against a freshly started Gatehouse.

  npm run conformance                                    everything
  npm run conformance -- --part 2026-07-28               one part: ${PARTS.join(", ")}
  npm run conformance -- --part 2026-07-28 --scenario caching      one scenario
  npm run conformance -- --behind                        the fixture behind a second Gatehouse, at /mcp
  npm run conformance -- --log                           what the Worker logged, at the end
`;

const { values: flags } = parseArgs({
  options: {
    part: { type: "string", multiple: true, default: [...PARTS] },
    scenario: { type: "string" },
    behind: { type: "boolean", default: false },
    log: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

const unknown = flags.part.filter((name) => !PARTS.includes(name as Part));
if (flags.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`Unknown part: ${unknown.join(", ")}\n`);
  console.log(HELP);
  process.exit(flags.help ? 0 : 1);
}

if (flags.behind) await runBehind();
const gateway = await startFixtureGateway();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void gateway.stop().finally(() => process.exit(130)));
}
const totals = { passed: 0, failed: 0, skipped: 0 };
let surprises = 0;
try {
  for (const part of PARTS.filter((name) => flags.part.includes(name))) {
    if (flags.scenario !== undefined) {
      const result = await runScenario(gateway.fixtureUrl, part, flags.scenario);
      if (result !== undefined) report(part, part, [result]);
      continue;
    }
    const { required, unscored } = await runPart(gateway, part);
    report(part, `${part}: required`, required);
    report(part, `${part}: not scored by the suite`, unscored);
  }
} finally {
  if (flags.log) console.log(`\n${gateway.readLog().join("\n")}`);
  await gateway.stop();
}
if (totals.skipped > 0) console.log(`\n${totals.skipped} skipped by the suite itself`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = surprises > 0 ? 1 : 0;

/** Runs the revisions through Gatehouse to a second one with the fixture, each in its generation, and ends. */
async function runBehind(): Promise<never> {
  const relaying = await startRelayingGateway();
  let failed = 0;
  try {
    for (const revision of ["2025-11-25", "2026-07-28"] as const) {
      if (!flags.part.includes(revision)) continue;
      await relaying.speak(revision === "2026-07-28" ? "2026" : "2025");
      const { required, unscored } = await runRevision(relaying.allUrl, revision);
      failed += required.filter(({ outcome }) => outcome !== "passed").length;
      for (const [title, results] of [
        ["required", required],
        ["not scored by the suite", unscored],
      ] as const) {
        console.log(`\n${revision} behind Gatehouse: ${title}`);
        for (const result of results) console.log(describe(result, RELAYED_DIFFERENCES[result.scenario]));
      }
    }
  } finally {
    if (flags.log) console.log(`\n${relaying.readLog().join("\n")}`);
    await relaying.stop();
  }
  process.exit(failed > 0 ? 1 : 0);
}

function report(part: Part, title: string, results: readonly ScenarioResult[]): void {
  if (results.length === 0) return;
  const passed = results.filter(({ outcome }) => outcome === "passed").length;
  console.log(`\n${title} (${passed} of ${results.length})`);
  for (const result of results) {
    const name = `${part} ${result.scenario}`;
    console.log(describe(result, EXPECTED_FAILURES[name]));
    totals[result.outcome] += 1;
    if ((result.outcome === "failed") !== name in EXPECTED_FAILURES) surprises += 1;
  }
}

function describe(
  { scenario, outcome, checks, failures, warnings }: ScenarioResult,
  known: string | undefined,
): string {
  const mark = { passed: "✓", failed: "✗", skipped: "–" }[outcome];
  return [
    `  ${mark} ${scenario.padEnd(46)} ${checks} ${checks === 1 ? "check" : "checks"}`,
    ...(known === undefined ? [] : [`      expected: ${known}`]),
    ...failures.map((failure) => `      ✗ ${failure}`),
    ...warnings.map((warning) => `      ! ${warning}`),
  ].join("\n");
}
