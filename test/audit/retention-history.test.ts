import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ExportLine } from "../../shared/audit/export-line.ts";
import type { AuditEvent } from "../../shared/audit/record.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { writeCheckpoints } from "../../workers/audit-log/write-checkpoints.ts";
import { empty, erase, hold, record, release, sweep } from "./sweeps.ts";
import { exportTrail } from "./trail.ts";

type Step =
  | { do: "record"; user: string; kind: "call" | "sign_in" }
  | { do: "sweep" | "hold all" | "release" | "sign" }
  | { do: "erase" | "hold"; user: string };

const user = fc.constantFrom("ada", "bert");
const step: fc.Arbitrary<Step & { days: number }> = fc
  .tuple(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant("record" as const),
          user,
          kind: fc.constantFrom("call" as const, "sign_in" as const),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constantFrom("sweep" as const, "sweep", "release", "hold all", "sign"),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("erase" as const, "hold"), user }) },
    ),
    fc.integer({ min: 0, max: 15 }),
  )
  .map(([what, days]) => ({ ...what, days }));

/** Runs the steps with the given days between them, and exports. */
async function play(steps: readonly (Step & { days: number })[]): Promise<string[]> {
  await empty();
  let day = 0;
  for (const { days, ...what } of steps) {
    day += days;
    if (what.do === "record") await record(what.user, [[what.kind, day]]);
    else if (what.do === "hold") await hold(what.user);
    else if (what.do === "erase") await erase(what.user);
    else if (what.do === "hold all") await hold(null);
    else if (what.do === "release") await release();
    else if (what.do === "sign") await writeCheckpoints(env);
    else await sweep(day);
  }
  await writeCheckpoints(env);
  return exportTrail();
}

/** Ways to tamper with one line of an export; `null` where the way does not apply to the line. */
const TAMPERINGS: Readonly<Record<string, (lines: string[], index: number) => string[] | null>> = {
  "takes the line out": (lines, index) => lines.toSpliced(index, 1),
  "writes the line twice": (lines, index) => lines.toSpliced(index, 0, lines[index] ?? ""),
  "swaps it with the next one": (lines, index) =>
    index + 2 >= lines.length
      ? null
      : lines.with(index, lines[index + 1] ?? "").with(index + 1, lines[index] ?? ""),
  "empties the event": change((line) => {
    if (line.line !== "record" || line.event === undefined) return false;
    delete line.event;
    delete line.salt;
    return true;
  }),
  "makes another event up": change((line) => {
    if (line.line !== "record") return false;
    line.salt = "made-up";
    line.event = { type: line.record.type, made: "up" } as unknown as AuditEvent;
    return true;
  }),
  "names another type": change(
    (line) => line.line === "record" && Object.assign(line.record, { type: "erasure" }) !== null,
  ),
  "lets a removal reach further": change((line) => {
    if (line.line !== "removal") return false;
    for (const chain of line.removal.chains) {
      chain.emptied.push([1, 1_000]);
      if (chain.cut) chain.cut.through += 1;
    }
    return true;
  }),
  "calls a removal an erasure": change((line) => {
    const [chain] = line.line === "removal" ? line.removal.chains : [];
    if (chain?.reason !== "retention") return false;
    chain.reason = "erasure";
    return true;
  }),
};

function change(edit: (line: ExportLine) => boolean) {
  return (lines: string[], index: number): string[] | null => {
    const line = JSON.parse(lines[index] ?? "") as ExportLine;
    return edit(line) ? lines.with(index, JSON.stringify(line)) : null;
  };
}

describe("after any sequence of records, holds, erasures and sweeps", () => {
  it("an honest export verifies, and any tampering with one of its lines is named", async () => {
    const tampered = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 6, maxLength: 16 }),
        fc.infiniteStream(fc.nat()),
        async (steps, numbers) => {
          const lines = await play(steps);
          expect((await verifyExport(lines)).findings).toEqual([]);
          for (const [name, tamper] of Object.entries(TAMPERINGS)) {
            // Neither the first nor the last line: these describe the file, and another test covers them.
            const index = 1 + ((numbers.next().value ?? 0) % (lines.length - 2));
            const changed = tamper(lines, index);
            if (changed === null) continue;
            const { findings } = await verifyExport(changed);
            expect(findings, `${name} (line ${index + 1})`).not.toEqual([]);
            tampered.set(name, (tampered.get(name) ?? 0) + 1);
          }
        },
      ),
      { numRuns: 40 },
    );
    // Each kind of tampering was applied at least once.
    expect([...tampered.keys()].sort()).toEqual(Object.keys(TAMPERINGS).sort());
  }, 120_000);
});
