import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { fromCents, hasWholeCents, LARGEST_AMOUNT, toCents } from "../../workers/crm/money.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { addCompany, addDeal, addOwner, dayAhead } from "./rows.ts";

let session: TestSession;

beforeAll(async () => {
  await addOwner("own_dora", "Dora Lang", "dora.lang@gatehouse.example");
  await addCompany("cmp_apex", "Apex");
  await addDeal("deal_apex", "cmp_apex");
  session = await openSession({ server: "crm", lane: "stateless" });
});

describe("amounts with part of a cent", () => {
  it("are distinguished from whole cents for every amount that can be stored", () => {
    const cents = fc.integer({ min: 0, max: LARGEST_AMOUNT * 100 });
    fc.assert(
      fc.property(cents, (count) => {
        expect(hasWholeCents(fromCents(count))).toBe(true);
        expect(toCents(fromCents(count))).toBe(count);
      }),
    );
    for (const amount of [1.005, 10.005, 0.001, 1e-7, 1200.999]) expect(hasWholeCents(amount)).toBe(false);
  });

  it.each<[string, Record<string, unknown>, string]>([
    [
      "crm_create_deal",
      { name: "A", company_id: "cmp_apex", expected_close: "2030-01-01", amount: 10.005 },
      "amount",
    ],
    ["crm_update_deal", { deal_id: "deal_apex", version: 1, amount: 0.001 }, "amount"],
    ["crm_list_deals", { min_amount: "10.005" }, "min_amount"],
    ["crm_export_csv", { record: "deal", where: { max_amount: 1200.999 } }, "max_amount"],
  ])("are refused by %s", async (tool, args, field) => {
    const { error } = await session.call(tool, args);
    expect(error?.code).toBe("invalid_input");
    expect(error?.message).toContain(`${field}: Expected an amount with no more than two decimals`);
  });

  it("are refused in a file, with the same message", async () => {
    const csv = `name,company,amount,currency,stage,expected close\nA,cmp_apex,10.005,USD,lead,${dayAhead(30)}\nB,cmp_apex,10.05,USD,lead,${dayAhead(30)}`;
    const { data } = await session.call("crm_import_csv", { record: "deal", csv });
    const problems = data.problems as { row: number; problem: string }[];
    expect(problems.filter(({ problem }) => problem.includes("with no more than two decimals"))).toHaveLength(
      1,
    );
  });
});
