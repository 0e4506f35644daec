import { parseArgs } from "node:util";
import { EXPECTED_FAILURES } from "./expected-failures.ts";
import { startFixtureGateway } from "./fixture-gateway.ts";
import { REVISIONS, type Revision, runSuite, type ScenarioResult } from "./suite.ts";

const HELP = `Runs the official MCP conformance suite against a freshly started Gatehouse.

  node scripts/conformance.ts                            every scenario that both revisions require
  node scripts/conformance.ts --revision 2026-07-28      one revision
  node scripts/conformance.ts --scenario caching         one scenario, in each revision asked for
  node scripts/conformance.ts --log                      what the Worker logged, at the end
`;

const { values: flags } = parseArgs({
  options: {
    revision: { type: "string", multiple: true, default: [...REVISIONS] },
    scenario: { type: "string" },
    log: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

const unknown = flags.revision.filter((name) => !REVISIONS.includes(name as Revision));
if (flags.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`Unknown revision: ${unknown.join(", ")}\n`);
  console.log(HELP);
  process.exit(flags.help ? 0 : 1);
}

const gateway = await startFixtureGateway();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void gateway.stop().finally(() => process.exit(130)));
}
let passed = 0;
let failed = 0;
let surprises = 0;
try {
  for (const revision of REVISIONS.filter((name) => flags.revision.includes(name))) {
    const expected = EXPECTED_FAILURES[revision];
    const results = await runSuite(gateway.fixtureUrl, revision, flags.scenario);
    console.log(`\n${revision}`);
    for (const result of results) console.log(describe(result, expected));
    passed += results.filter((result) => result.passed).length;
    failed += results.filter((result) => !result.passed).length;
    surprises += results.filter(({ scenario, passed }) => passed === scenario in expected).length;
  }
} finally {
  if (flags.log) console.log(`\n${gateway.readLog().join("\n")}`);
  await gateway.stop();
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = surprises > 0 ? 1 : 0;

function describe(result: ScenarioResult, expected: Readonly<Record<string, string>>): string {
  const { scenario, checks, failures, warnings } = result;
  const mark = result.passed ? "✓" : "✗";
  const known = expected[scenario];
  return [
    `  ${mark} ${scenario.padEnd(46)} ${checks} ${checks === 1 ? "check" : "checks"}`,
    ...(known === undefined ? [] : [`      expected: ${known}`]),
    ...failures.map((failure) => `      ✗ ${failure}`),
    ...warnings.map((warning) => `      ! ${warning}`),
  ].join("\n");
}
