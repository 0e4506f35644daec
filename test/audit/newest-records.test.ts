import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { Link } from "../../shared/audit/chain.ts";
import { StoredTrail } from "../../shared/audit/read-stored.ts";
import { storeLinks } from "../../workers/audit-log/store-records.ts";
import { trailSource } from "../../workers/audit-log/trail-source.ts";
import { callsOf } from "./calls.ts";
import { emptyTrail } from "./trail.ts";

const PERSON = "user_newest";

/** Calls of a person over two days, each fourth one refused: two kinds of parts a day, with spans between each other. */
const LINKS = callsOf(
  PERSON,
  Array.from({ length: 60 }, (_, index) => ({
    ms: 5,
    status: index % 4 === 3 ? "denied" : "ok",
    at: Date.UTC(2026, 4, 1, 20) + index * 10 * 60_000,
  })),
);

const SEGMENT = 7;

/** Stores these records, a few a segment, in the order of the list. */
async function store(links: readonly Link[]): Promise<void> {
  for (let start = 0; start < links.length; start += SEGMENT)
    await storeLinks(env, links.slice(start, start + SEGMENT));
}

/** The trail, with the number of segments that were fetched. */
function openTrail() {
  const source = trailSource(env);
  const counted = { segments: 0 };
  const fetchSegments: typeof source.fetchSegments = (digests) => {
    counted.segments += digests.length;
    return source.fetchSegments(digests);
  };
  return { trail: new StoredTrail({ ...source, fetchSegments }), counted };
}

const sequencesOf = (links: readonly Link[]) => links.map(({ sequence }) => sequence);

beforeEach(() => emptyTrail());

describe("the newest records of a chain", () => {
  it("are read of the segments that hold them, and of no others", async () => {
    await store(LINKS);
    const { trail, counted } = openTrail();
    const newest = await trail.readChain(PERSON, { most: 10, newest: true });
    expect(newest).toEqual(LINKS.slice(-10));
    expect(counted.segments).toBeLessThanOrEqual(Math.ceil(10 / SEGMENT) + 1);
  });

  it("are as many as were asked for where records before them are missing", async () => {
    const kept = LINKS.filter((_, index) => index < 40 || index >= 85);
    await store(kept);
    const { trail } = openTrail();
    for (const most of [1, 10, 24, 30, 200]) {
      const newest = await trail.readChain(PERSON, { most, newest: true });
      expect(sequencesOf(newest)).toEqual(sequencesOf(kept.slice(-most)));
    }
  });

  it("are the same wherever the records are, in whatever order they came", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...LINKS], { minLength: 1 }),
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 120 }),
        async (links, most, through) => {
          await emptyTrail();
          await store(links);
          const wanted = sequencesOf(links)
            .filter((sequence) => sequence <= through)
            .sort((one, other) => one - other)
            .slice(-most);
          const newest = await openTrail().trail.readChain(PERSON, { most, through, newest: true });
          expect(sequencesOf(newest)).toEqual(wanted);
        },
      ),
      { numRuns: 15 },
    );
  });
});
