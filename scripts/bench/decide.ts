import { timeDecisions } from "./calls/time-decisions.ts";

for (const { what, rules, p50, p95, p99, sample } of timeDecisions()) {
  const figures = Object.entries({ p50, p95, p99 }).map(([name, value]) => `${name} ${value.toFixed(3)} ms`);
  console.log(`decide, ${rules} rules, ${what}: ${figures.join(", ")} (${sample})`);
}
