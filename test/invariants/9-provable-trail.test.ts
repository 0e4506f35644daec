import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { commitTo } from "../../shared/audit/commitment.ts";
import type { ExportLine } from "../../shared/audit/export-line.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import { writeCheckpoints } from "../../workers/audit-log/write-checkpoints.ts";
import { awaitEvents, deliverAll, exportTrail } from "../audit/trail.ts";
import { LANES, openSession } from "../support/session.ts";

type RecordLine = Extract<ExportLine, { line: "record" }>;

/** Ways to tamper with the line of one record. `rehash` updates the line's own hash after the edit. */
const TAMPERINGS: Record<string, (lines: string[], at: number) => string[]> = {
  edited: (lines, at) =>
    lines.with(at, (lines[at] ?? "").replace(/"lane":"[a-z]+"/, '"lane":"sideways"').replace('"ok"', '"OK"')),
  "edited and rehashed": (lines, at) => {
    const line = JSON.parse(lines[at] ?? "") as RecordLine;
    const event = { ...line.event, callId: "another" };
    const record = { ...line.record, commitment: commitTo(line.salt ?? "", event) };
    return lines.with(at, JSON.stringify({ ...line, record, event, hash: digestText(canonicalize(record)) }));
  },
  removed: (lines, at) => lines.toSpliced(at, 1),
  inserted: (lines, at) => lines.toSpliced(at, 0, lines[at] ?? ""),
  reordered: (lines, at) => lines.with(at, lines[at - 1] ?? "").with(at - 1, lines[at] ?? ""),
};

describe("invariant 9: the audit trail can be verified offline", () => {
  it("an honest export of real calls verifies; any tampering with any record is named", async () => {
    for (const [index, lane] of [...LANES, ...LANES].entries()) {
      const as = `trail${index % 2}`;
      const session = await openSession({ server: "crm", lane, as });
      await session.call("crm_list_tasks");
      await session.call("crm_list_tasks", { wrong: true });
      await awaitEvents(`user_${as}`, 4);
      await deliverAll(`user_${as}`);
      if (index === 1) await writeCheckpoints(env);
    }
    await writeCheckpoints(env);
    const lines = await exportTrail();
    expect(await verifyExport(lines)).toMatchObject({ chains: 2, checkpoints: 2, findings: [] });

    const places = lines.flatMap((line, index) => (line.startsWith('{"line":"record"') ? [index] : []));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...places.slice(1)),
        fc.constantFrom(...Object.keys(TAMPERINGS)),
        async (at, kind) => {
          const tampered = TAMPERINGS[kind]?.(lines, at) ?? lines;
          fc.pre(JSON.stringify(tampered) !== JSON.stringify(lines));
          const { findings } = await verifyExport(tampered);
          expect(findings.length, kind).toBeGreaterThan(0);
          expect(findings[0]?.text, kind).not.toBe("");
        },
      ),
      { numRuns: 100 },
    );
  }, 30_000);
});
