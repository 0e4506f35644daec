import { describe, expect, it } from "vitest";
import { formatSummary } from "../../scripts/audit/format.ts";
import type { ExportLine } from "../../shared/audit/export-line.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { deliver, exportTrail, intentOf, linksOf, takenAt, withTrail } from "./trail.ts";

/** The entry of a chain at the end of an export. */
async function chainOf(user: string) {
  const end = JSON.parse((await exportTrail()).at(-1) ?? "{}") as Extract<ExportLine, { line: "end" }>;
  return end.chains.find(({ chain }) => chain === user);
}

async function makeCalls(user: string) {
  await withTrail(user, (trail) => {
    for (let call = 0; call < 4; call += 1)
      trail.open(intentOf(user, `${user}-${call}`), call, takenAt(call));
  });
  return await linksOf(user);
}

describe("an export while records are still in the queue", () => {
  it("reports the last complete record of the chain, and so does its verification, until the others arrive", async () => {
    const links = await makeCalls("user_gap");
    await deliver([links[0], links[1], links[3]]);
    expect(await chainOf("user_gap")).toMatchObject({ first: 1, last: 4, complete: 2 });
    const verification = await verifyExport(await exportTrail());
    expect(verification.findings).toMatchObject([{ kind: "missing", chain: "user_gap", sequence: 3 }]);
    expect(verification.incomplete).toEqual([{ chain: "user_gap", complete: 2 }]);
    expect(formatSummary(verification)).toContain("user_gap is complete up to record 2");
    await deliver([links[2]]);
    expect(await chainOf("user_gap")).not.toHaveProperty("complete");
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  });

  it("reports that a chain has no beginning yet", async () => {
    const links = await makeCalls("user_late_beginning");
    await deliver(links.slice(1));
    expect(await chainOf("user_late_beginning")).toMatchObject({ first: 2, complete: 0 });
    await deliver([links[0]]);
    expect(await chainOf("user_late_beginning")).toMatchObject({ first: 1 });
  });
});
