import { evictAllDurableObjects } from "cloudflare:test";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { decideAs, findApproval } from "../support/approvals.ts";
import { changeVersion, setApprovals } from "../support/policy.ts";
import { LANES, openSession } from "../support/session.ts";

const TOOL = "crm_create_contact";

/** An attempt to use an approval, and whether it fits exactly that call. */
const attempt = fc.constantFrom(
  "the call",
  "other arguments",
  "another app",
  "another person",
  "another policy",
  "eviction",
);

/** Attempts in any sequence, the call itself at least once among them. */
const tries = fc
  .tuple(fc.array(attempt, { minLength: 3, maxLength: 7 }), fc.nat(7))
  .map(([others, place]) => others.toSpliced(place, 0, "the call"));

let people = 0;

beforeAll(() => setApprovals("sales", [{ name: "look", tools: [TOOL], message: "A person looks." }]));

describe.each(LANES)("invariant 4: an approval fits one call, on the %s lane", (lane) => {
  it("whatever is tried around it, in whatever order: the call itself runs once, and nothing else does", async () => {
    await fc.assert(
      fc.asyncProperty(tries, fc.constantFrom("last_name", "title"), async (order, field) => {
        people += 1;
        const [as, args] = [
          `fits_${lane}_${people}`,
          { first_name: "Fits", last_name: "One", title: "Buyer" },
        ];
        const open = (who: string) => openSession({ server: "crm", lane, as: who, role: "sales" });
        const [own, app, stranger] = [await open(as), await open(as), await open(`${as}_other`)];
        const runs = async (session: typeof own, given: object) => {
          const { error, isError } = await session.call(TOOL, { ...given });
          if (isError) expect(error?.code).toBe("approval_required");
          return !isError;
        };
        expect(await runs(own, args)).toBe(false);
        await decideAs("user_boss", await findApproval(`user_${as}`));
        let approved = true;
        for (const attempt of order) {
          if (attempt === "eviction") await evictAllDurableObjects();
          if (attempt === "other arguments") expect(await runs(own, { ...args, [field]: "x" })).toBe(false);
          if (attempt === "another app") expect(await runs(app, args)).toBe(false);
          if (attempt === "another person") expect(await runs(stranger, args)).toBe(false);
          if (attempt === "another policy") {
            const changeBack = changeVersion();
            expect(await runs(own, args).finally(changeBack)).toBe(false);
          }
          if (attempt === "the call") {
            expect(await runs(own, args)).toBe(approved);
            approved = false;
          }
        }
        expect(approved, "the call itself ran").toBe(false);
      }),
      { numRuns: 6 },
    );
  }, 90_000);
});
