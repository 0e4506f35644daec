import { compilePolicy } from "../../shared/policy/compile.ts";
import { decide } from "../../shared/policy/decide.ts";
import { policyDocument } from "../../shared/policy/schema.ts";

/** Rules of the one role: half of them globs, half of them conditions on arguments. */
const RULES = 1_000;
const CALLS = 2_000;
const ROUNDS = 20;

const conditions = Array.from({ length: RULES / 2 }, (_, index) => ({
  name: `rule-${index}`,
  // Every tenth covers the tool that is called, so that 50 expressions are evaluated for each decision.
  tools: [index % 10 === 0 ? "crm_*" : `server${index}_*_deal`],
  require: { expression: `has(args.amount) && args.amount <= ${100_000 + index}` },
  message: "Too much.",
}));
const globs = Array.from({ length: RULES / 4 }, (_, index) => `server${index}_*_thing*`);
const policy = compilePolicy(
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
const principal = { role: "worker", scopes: ["crm:write"], ip: null, country: null, at: Date.now() };
const call = { kind: "tool", name: "crm_move_deal", scope: "crm:write", effect: "update" } as const;

/** Milliseconds of each decision, sorted. Every one asks all rules and is allowed. */
function measure(subject: Parameters<typeof decide>[2]): number[] {
  const times: number[] = [];
  for (let turn = 0; turn < CALLS; turn += 1) {
    const began = performance.now();
    const { kind } = decide(policy, principal, subject);
    times.push(performance.now() - began);
    if (kind !== "allow") throw new Error(`The measurement's policy says ${kind}.`);
  }
  return times.sort((one, other) => one - other);
}

for (const [what, subject] of [
  ["list", call],
  ["call", { ...call, args: { amount: 5 } }],
] as const) {
  const share = (times: readonly number[], part: number) => times[Math.floor(times.length * part)] ?? 0;
  // A decision takes far less than a scheduler's slice: the round with the fewest interruptions is the decision's own.
  const rounds = Array.from({ length: ROUNDS }, () => measure(subject));
  const [quietest = []] = rounds.sort((one, other) => share(one, 0.99) - share(other, 0.99));
  const figures = [0.5, 0.95, 0.99].map((part) => `p${part * 100} ${share(quietest, part).toFixed(3)} ms`);
  console.log(`decide, ${RULES} rules, ${what}: ${figures.join(", ")} (quietest of ${ROUNDS} × ${CALLS})`);
}
