import { compilePolicy } from "../../shared/policy/compile.ts";
import { decide } from "../../shared/policy/decide.ts";
import { policyDocument } from "../../shared/policy/schema.ts";

/** Rules of the one role: half of them globs, half of them conditions on arguments. */
const RULES = 1_000;
const CALLS = 20_000;

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
    roles: {
      worker: {
        description: "For the measurement.",
        scopes: ["*"],
        allowed_tools: [...globs, "crm_*"],
        denied_tools: globs,
        allowed_resources: [],
        allowed_prompts: [],
        conditions,
      },
    },
  }),
);
const principal = { role: "worker", scopes: ["crm:write"], ip: null, country: null, at: Date.now() };
const call = { kind: "tool", name: "crm_move_deal", scope: "crm:write", effect: "update" } as const;

interface Cost {
  wall: number;
  cpu: number;
}

/** Milliseconds of each decision, on the clock and of this thread's CPU. Every one asks all rules and is allowed. */
function measure(subject: Parameters<typeof decide>[2]): Cost[] {
  const costs: Cost[] = [];
  for (let turn = 0; turn < CALLS; turn += 1) {
    const before = process.threadCpuUsage();
    const began = performance.now();
    const { kind } = decide(policy, principal, subject);
    const wall = performance.now() - began;
    const { user, system } = process.threadCpuUsage(before);
    costs.push({ wall, cpu: (user + system) / 1000 });
    if (kind !== "allow") throw new Error(`The measurement's policy says ${kind}.`);
  }
  // The first tenth warms the compiler up.
  return costs.slice(CALLS / 10);
}

for (const [what, subject] of [
  ["list", call],
  ["call", { ...call, args: { amount: 5 } }],
] as const) {
  const costs = measure(subject);
  for (const kind of ["cpu", "wall"] as const) {
    const sorted = costs.map((cost) => cost[kind]).sort((one, other) => one - other);
    const at = (share: number) => `${(sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(3)} ms`;
    console.log(`decide, ${RULES} rules, ${what}, ${kind}: p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}`);
  }
}
