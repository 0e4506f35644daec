import { compilePolicy } from "../../../shared/policy/compile.ts";
import { decide } from "../../../shared/policy/decide.ts";
import { policyDocument } from "../../../shared/policy/schema.ts";
import { percentile } from "./statistics.ts";

/** Number of rules of the role: half of them globs, half of them conditions on arguments. */
const RULES = 1_000;
const CALLS = 2_000;
const ROUNDS = 20;

/** Time of a policy decision, in milliseconds, in the fastest of several rounds. */
export interface DecisionTimes {
  what: "list" | "call";
  rules: number;
  p50: number;
  p95: number;
  p99: number;
  /** Such as `quietest of 20 × 2000`. */
  sample: string;
}

/** Times decisions under a policy of 1,000 rules: for a list, without arguments, and for a call. */
export function timeDecisions(): DecisionTimes[] {
  const policy = makePolicy();
  const principal = {
    role: "worker",
    scopes: ["crm:write"],
    ip: null,
    country: null,
    mfaAt: null,
    at: Date.now(),
  };
  const subject = {
    kind: "tool",
    name: "crm_move_deal",
    scope: "crm:write",
    effect: "update",
    sends: "nothing",
  } as const;
  return (
    [
      ["list", subject],
      ["call", { ...subject, args: { amount: 5 } }],
    ] as const
  ).map(([what, asked]) => {
    // A decision takes far less than a scheduler's slice: the fastest round has the fewest interruptions.
    const rounds = Array.from({ length: ROUNDS }, () => timeRound(policy, principal, asked));
    const [quietest = []] = rounds.sort((one, other) => percentile(one, 0.99) - percentile(other, 0.99));
    const [p50, p95, p99] = [
      percentile(quietest, 0.5),
      percentile(quietest, 0.95),
      percentile(quietest, 0.99),
    ];
    return { what, rules: RULES, p50, p95, p99, sample: `quietest of ${ROUNDS} × ${CALLS}` };
  });
}

/** Milliseconds of each decision. Each one checks all rules and allows the call. */
function timeRound(...[policy, principal, subject]: Parameters<typeof decide>): number[] {
  const times: number[] = [];
  for (let turn = 0; turn < CALLS; turn += 1) {
    const began = performance.now();
    const { kind } = decide(policy, principal, subject);
    times.push(performance.now() - began);
    if (kind !== "allow") throw new Error(`The measurement's policy says ${kind}.`);
  }
  return times;
}

function makePolicy() {
  const conditions = Array.from({ length: RULES / 2 }, (_, index) => ({
    name: `rule-${index}`,
    // Every tenth rule covers the called tool, so that each decision evaluates 50 expressions.
    tools: [index % 10 === 0 ? "crm_*" : `server${index}_*_deal`],
    require: { expression: `has(args.amount) && args.amount <= ${100_000 + index}` },
    message: "Too much.",
  }));
  const globs = Array.from({ length: RULES / 4 }, (_, index) => `server${index}_*_thing*`);
  return compilePolicy(
    policyDocument.parse({
      default_role: "worker",
      limits: {
        calls_per_client: 100,
        calls_per_costly_tool: 10,
        calls_per_user: 300,
        concurrent_calls: 20,
        units_per_day: 10_000,
        costly_units: 10,
      },
      retention: {},
      roles: {
        worker: {
          description: "For the measurement.",
          scopes: ["*"],
          allowed_tools: [...globs, "crm_*"],
          denied_tools: globs,
          allowed_resources: [],
          allowed_prompts: [],
          mask: { public: "show", internal: "show", pii: "show", secret: "drop", text: [] },
          conditions,
        },
      },
    }),
  );
}
