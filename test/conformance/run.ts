import { parseArgs } from "node:util";
import { EXPECTED_FAILURES } from "./expected-failures.ts";
import { startFixtureGateway } from "./fixture-gateway.ts";
import type { ScenarioResult } from "./results.ts";
import { PARTS, type Part, runPart, runScenario } from "./suite.ts";

const HELP = `Runs the official MCP conformance suite against a freshly started Gatehouse.

  npm run conformance                                    everything
  npm run conformance -- --part 2026-07-28               one part: ${PARTS.join(", ")}
  npm run conformance -- --part 2026-07-28 --scenario caching      one scenario
  npm run conformance -- --log                           what the Worker logged, at the end
`;

const { values: flags } = parseArgs({
  options: {
    part: { type: "string", multiple: true, default: [...PARTS] },
    scenario: { type: "string" },
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
