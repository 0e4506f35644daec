import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { keyIdOf, openSigningKey } from "../../shared/audit/checkpoint.ts";
import { commitTo } from "../../shared/audit/commitment.ts";
import type { ExportLine, RecordLine } from "../../shared/audit/export-line.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import { writeCheckpoints } from "../../workers/audit-log/write-checkpoints.ts";
import { deliverAll, exportTrail, intentOf, takenAt, withTrail } from "./trail.ts";

/** Two users with a few calls each; the second half of them after the last checkpoint. */
async function writeTrail(): Promise<string[]> {
  for (const half of [0, 1]) {
    for (const user of ["user_a", "user_b"]) {
      await withTrail(user, (trail) => {
        for (let call = 0; call < 4; call += 1) {
          const callId = `${user}-${half}-${call}`;
          trail.open(intentOf(user, callId), 1_000 * (4 * half + call), takenAt(1_000 * (4 * half + call)));
          if (call !== 2)
            trail.close({ callId, status: "ok", durationMs: 5, bytes: 9 }, 1_000 * (4 * half + call));
        }
      });
      await deliverAll(user);
    }
    if (half === 0) await writeCheckpoints(env);
  }
  return exportTrail();
}

const isRecord = (line: string) => line.startsWith('{"line":"record"');
const read = (line: string | undefined) => JSON.parse(line ?? "") as RecordLine;
/** The line as a forger would write it: commitment and hash match its content. */
function rehash(line: RecordLine): string {
  const record = { ...line.record, commitment: commitTo(line.salt ?? "", line.event) };
  return JSON.stringify({ ...line, record, hash: digestText(canonicalize(record)) });
}

describe("an export", () => {
  let lines: string[] = [];
  let places: number[] = [];
  /** Index of a record line. */
  let place: fc.Arbitrary<number> = fc.constant(0);

  beforeAll(async () => {
    lines = await writeTrail();
    places = lines.flatMap((line, index) => (isRecord(line) ? [index] : []));
    place = fc.constantFrom(...places);
  });

  it("is reported when it does not cover the whole span to verify", async () => {
    const [header, ...rest] = lines;
    const stated = { ...(JSON.parse(header ?? "") as object), at: 9_000, from: 1_000, to: 5_999 };
    const part = [JSON.stringify(stated), ...rest];
    const missing = async (from: number | null, to: number | null) =>
      (await verifyExport(part, [], { from, to })).findings.filter(
        ({ about, kind }) => about === "file" && kind === "missing",
      );
    expect(await missing(null, null)).toEqual([]);
    expect(await missing(1_000, 5_999)).toEqual([]);
    expect((await missing(999, null))[0]?.text).toBe("The file begins at 1970-01-01T00:00:01.000Z only.");
    expect((await missing(1_000, 6_000))[0]?.text).toBe("The file ends at 1970-01-01T00:00:05.999Z already.");
    const open = [JSON.stringify({ ...stated, from: null, to: null }), ...rest];
    expect((await verifyExport(open, [], { from: 0, to: 9_001 })).findings[0]?.text).toBe(
      "The file ends at 1970-01-01T00:00:09.000Z already.",
    );
    expect((await verifyExport(open, [], { from: 0, to: 9_000 })).findings).toEqual([]);
  });

  const firstFinding = async (changed: string[]) => (await verifyExport(changed)).findings[0];

  it("is intact as it was written: two chains, one signed checkpoint", async () => {
    const { publicKey } = await openSigningKey(env.AUDIT_SIGNING_KEY);
    expect(await verifyExport(lines)).toMatchObject({
      records: 28,
      chains: 2,
      checkpoints: 1,
      keyIds: [keyIdOf(publicKey)],
      findings: [],
    });
  });

  it("names a record with an edit in any field", async () => {
    const edits: ((line: RecordLine) => void)[] = [
      ({ record }) => Object.assign(record, { at: record.at + 1 }),
      ({ record }) => Object.assign(record, { sequence: record.sequence + 100 }),
      ({ record }) => Object.assign(record, { previous: "1".repeat(64) }),
      ({ record }) => Object.assign(record, { chain: "user_0" }),
      ({ event }) => Object.assign(event ?? {}, { callId: "another" }),
      ({ event }) => Object.assign(event ?? {}, { note: "new" }),
      (line) => Object.assign(line, { salt: "another" }),
      ({ record }) => Object.assign(record, { type: "sign_in" }),
      (line) => Object.assign(line, { hash: "1".repeat(64) }),
    ];
    await fc.assert(
      fc.asyncProperty(place, fc.constantFrom(...edits), async (index, edit) => {
        const line = read(lines[index]);
        edit(line);
        const finding = await firstFinding(lines.with(index, JSON.stringify(line)));
        expect(finding).toMatchObject({ line: index + 1, kind: "edited", sequence: line.record.sequence });
      }),
    );
  });

  it("names the first of the removed records", async () => {
    await fc.assert(
      fc.asyncProperty(place, fc.integer({ min: 1, max: 3 }), async (index, count) => {
        const { chain, sequence } = read(lines[index]).record;
        const finding = await firstFinding(lines.toSpliced(index, Math.min(count, 14 - sequence + 1)));
        expect(finding).toMatchObject({ kind: "missing", chain, sequence });
      }),
    );
  });

  it("names an inserted record: a copy elsewhere, or a forged one with a valid hash", async () => {
    await fc.assert(
      fc.asyncProperty(place, place, async (from, to) => {
        const { chain, sequence } = read(lines[from]).record;
        const { findings } = await verifyExport(lines.toSpliced(to, 0, lines[from] ?? ""));
        expect(findings).toContainEqual(expect.objectContaining({ kind: "inserted", chain, sequence }));
      }),
    );
    await fc.assert(
      fc.asyncProperty(place, async (index) => {
        const forged = read(lines[index]);
        Object.assign(forged.event ?? {}, { callId: "forged" });
        const { findings } = await verifyExport(lines.toSpliced(index, 0, rehash(forged)));
        const { chain, sequence } = forged.record;
        // Two records have one position; only the records after them show which one is forged.
        expect(findings[0]).toMatchObject({
          chain,
          sequence,
          kind: expect.stringMatching(/inserted|edited/),
        });
      }),
    );
  });

  it("names a record in the wrong position", async () => {
    await fc.assert(
      fc.asyncProperty(place, place, async (a, b) => {
        fc.pre(a < b);
        const swapped = lines.with(a, lines[b] ?? "").with(b, lines[a] ?? "");
        const { chain, sequence } = read(lines[b]).record;
        expect(await firstFinding(swapped)).toMatchObject({
          line: a + 1,
          kind: "reordered",
          chain,
          sequence,
        });
      }),
    );
  });

  it("fails at the signature when a chain was rewritten, including hashes and end line", async () => {
    const index = places[2] ?? 0;
    const rewritten = [...lines];
    let previous = read(lines[index]).record.previous;
    for (const at of places.filter((other) => other >= index)) {
      const line = read(rewritten[at]);
      if (line.record.chain !== "user_a") continue;
      line.record.previous = previous;
      if (at === index) Object.assign(line.event ?? {}, { callId: "forged" });
      rewritten[at] = rehash(line);
      previous = read(rewritten[at]).hash;
    }
    const end = JSON.parse(lines.at(-1) ?? "") as Extract<ExportLine, { line: "end" }>;
    Object.assign(end.chains[0] ?? {}, { hash: previous });
    rewritten[lines.length - 1] = JSON.stringify(end);
    const { findings } = await verifyExport(rewritten);
    expect(findings).toMatchObject([{ kind: "edited", chain: "user_a", sequence: 7 }]);
    expect(findings[0]?.text).toContain("checkpoint 1 signed");
  });

  it("is missing a user whose whole chain was removed, including its end line", async () => {
    const end = JSON.parse(lines.at(-1) ?? "") as Extract<ExportLine, { line: "end" }>;
    const without = lines.filter((line) => !isRecord(line) || read(line).record.chain !== "user_b");
    without[without.length - 1] = JSON.stringify({ ...end, chains: end.chains.slice(0, 1) });
    expect(await firstFinding(without)).toMatchObject({ kind: "missing", chain: "user_b", sequence: 7 });
  });

  it("without any checkpoint is not intact for verifiers who name a key", async () => {
    const { publicKey } = await openSigningKey(env.AUDIT_SIGNING_KEY);
    const unsigned = lines
      .filter((line) => !line.startsWith('{"line":"checkpoint"'))
      .map((line) =>
        line.startsWith('{"line":"end"') ? line.replace(/"checkpoints":\d+/, '"checkpoints":0') : line,
      );
    expect((await verifyExport(unsigned)).findings).toEqual([]);
    const { findings } = await verifyExport(unsigned, [keyIdOf(publicKey)]);
    expect(findings.map(({ text }) => text)).toEqual([
      "It contains no checkpoint, so no named key signed any of it.",
    ]);
  });

  it("names a checkpoint that was edited, removed, or signed by a key that is not trusted", async () => {
    const index = lines.findIndex((line) => line.startsWith('{"line":"checkpoint"'));
    const checkpoint = lines[index] ?? "";
    const edited = lines.with(index, checkpoint.replace(/"through":\d+/, '"through":999'));
    expect(await firstFinding(edited)).toMatchObject({ kind: "edited", chain: null, sequence: 1 });
    expect(await firstFinding(lines.toSpliced(index, 1))).toMatchObject({ kind: "missing", chain: null });
    const { findings } = await verifyExport(lines, ["0123456789abcdef"]);
    expect(findings[0]?.text).toContain("not trusted");
    const { publicKey } = await openSigningKey(env.AUDIT_SIGNING_KEY);
    expect((await verifyExport(lines, [keyIdOf(publicKey)])).findings).toEqual([]);
  });

  it("is reported when the file is truncated, empty, or of another kind", async () => {
    expect(await firstFinding(lines.slice(0, -1))).toMatchObject({ kind: "missing", line: lines.length - 1 });
    expect((await verifyExport([])).findings).toHaveLength(2);
    expect(await firstFinding(lines.with(3, "not json"))).toMatchObject({ kind: "edited", line: 4 });
  });

  it("of a span of time is intact by itself, and names records missing inside of it", async () => {
    const part = await exportTrail(2_000, 5_000);
    expect(await verifyExport(part)).toMatchObject({ records: 14, findings: [] });
    const index = part.findIndex(isRecord) + 1;
    const { sequence } = read(part[index]).record;
    expect(await firstFinding(part.toSpliced(index, 1))).toMatchObject({ kind: "missing", sequence });
  });
});

describe("checkpoints", () => {
  it("follow each other, sign new records, are written also without any, and survive a change of the key", async () => {
    await writeCheckpoints(env);
    await writeCheckpoints({ ...env, AUDIT_SIGNING_KEY: "another-signing-key-long-enough-for-anybody" });
    const lines = await exportTrail();
    const heads = lines
      .map((line) => JSON.parse(line) as ExportLine)
      .flatMap((line) =>
        line.line === "checkpoint" ? [line.checkpoint.heads.map(({ sequence }) => sequence)] : [],
      );
    expect(heads).toEqual([[7, 7], [14, 14], []]);
    const verification = await verifyExport(lines);
    expect(verification.findings).toEqual([]);
    expect(verification.keyIds).toHaveLength(2);
  });

  it("of a key and of its replacement verify together, for verifiers who trust the old key alone", async () => {
    const idOf = async (secret: string) => keyIdOf((await openSigningKey(secret)).publicKey);
    const [oldKey, newKey] = ["old", "new"].map((word) =>
      `a signing key the ${word} one`.replaceAll(" ", "-").padEnd(40, "0"),
    );
    const [oldId, newId] = [await idOf(oldKey ?? ""), await idOf(newKey ?? "")];
    await env.PLATFORM_DB.prepare("DELETE FROM audit_checkpoint").run();
    await writeCheckpoints({ ...env, AUDIT_SIGNING_KEY: oldKey ?? "" });
    const during = { ...env, AUDIT_SIGNING_KEY: `2:${newKey},1:${oldKey}` };
    await writeCheckpoints(during);
    await writeCheckpoints(during);
    await writeCheckpoints({ ...env, AUDIT_SIGNING_KEY: newKey ?? "" });
    const lines = await exportTrail();
    const verification = await verifyExport(lines, [oldId]);
    expect(verification).toMatchObject({ checkpoints: 5, keyIds: [oldId, newId], findings: [] });
    expect((await verifyExport(lines, [oldId, newId])).findings).toEqual([]);
    expect((await verifyExport(lines, [newId])).findings[0]?.text).toContain("not trusted");
    const handedOver = lines.findIndex((line) => line.includes('"successor"'));
    const { findings } = await verifyExport(
      lines.with(handedOver, (lines[handedOver] ?? "").replace(/"successor":"[^"]+",?/, "")),
      [oldId],
    );
    expect(findings.map(({ text }) => text).join()).toContain(
      `signed with the key ${newId}, which is not trusted`,
    );
  });

  it("of a key without a hand-over are refused by verifiers who trust the previous one", async () => {
    const secret = "a-key-that-somebody-else-put-into-the-environment";
    await writeCheckpoints({ ...env, AUDIT_SIGNING_KEY: secret });
    const checkpoint =
      (await exportTrail()).findLast((line) => line.startsWith('{"line":"checkpoint"')) ?? "";
    expect(checkpoint).not.toContain("successor");
    const trusted = keyIdOf((await openSigningKey("a-signing-key-the-old-one".padEnd(40, "0"))).publicKey);
    const { findings } = await verifyExport(await exportTrail(), [trusted]);
    expect(findings.at(-1)?.text).toContain("not trusted");
  });
});
