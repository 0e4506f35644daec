import { findSensitive } from "../../shared/redact/find-sensitive.ts";
import { reportFailure } from "../local/failure.ts";
import { readBench } from "./options.ts";
import { type Half, readNegatives } from "./redaction/negatives.ts";
import { makePositives } from "./redaction/positives.ts";

const HELP = `Measures what the redaction of free text finds, and what it finds by mistake.

  node scripts/bench/redaction.ts [--half tuning|held-out] [--list]

A positive counts as found when none of its value is left over. A negative counts as a false alarm when anything in
it was found. --list prints every miss and every false alarm of the half.
`;

try {
  const { values } = readBench("redaction");
  if (values.help) console.log(HELP);
  else
    for (const half of ["tuning", "held-out"] as const)
      if ((values.half ?? half) === half) await measure(half, values.list ?? false);
} catch (failure) {
  process.exitCode = reportFailure(failure);
}

async function measure(half: Half, list: boolean): Promise<void> {
  const positives = makePositives(half);
  const negatives = await readNegatives(half);
  const missed = positives.filter(({ text, value }) => !isCovered(text, value));
  const alarms = negatives.flatMap(({ text, source }) =>
    findSensitive(text, ["pii", "secret"])
      .slice(0, 1)
      .map(({ kind, start, end }) => ({ kind, source, found: text.slice(start, end) })),
  );
  console.log(`\n${half} half: ${positives.length} positives, ${negatives.length} negatives`);
  for (const kind of new Set(positives.map((positive) => positive.kind))) {
    const all = positives.filter((positive) => positive.kind === kind).length;
    const found = all - missed.filter((positive) => positive.kind === kind).length;
    console.log(`  ${kind.padEnd(20)}${percent(found, all).padStart(8)}  ${found} of ${all}`);
  }
  const found = positives.length - missed.length;
  console.log(`  ${"recall".padEnd(20)}${percent(found, positives.length).padStart(8)}`);
  console.log(`  ${"false alarms".padEnd(20)}${percent(alarms.length, negatives.length).padStart(8)}`);
  console.log(`  ${"1 MB of such text".padEnd(20)}${time(negatives).padStart(5)} ms`);
  if (!list) return;
  for (const { kind, text } of missed) console.log(`  missed ${kind}: ${text}`);
  for (const { kind, source, found: what } of alarms) console.log(`  alarm ${kind}: ${what}  (${source})`);
}

/** Whether findings cover all characters of the value. */
function isCovered(text: string, value: string): boolean {
  const start = text.indexOf(value);
  const end = start + value.length;
  return findSensitive(text, ["pii", "secret"]).some(
    (finding) => finding.start <= start && finding.end >= end,
  );
}

/** Milliseconds per million characters of documentation. */
function time(negatives: readonly { text: string }[]): string {
  const text = negatives
    .map((negative) => negative.text)
    .join("\n")
    .repeat(20)
    .slice(0, 1_000_000);
  const began = performance.now();
  findSensitive(text, ["pii", "secret"]);
  return (performance.now() - began).toFixed(0);
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(2)} %`;
}
