import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { type RecordedCall, readCalls } from "../../shared/policy/changes/recorded-calls.ts";
import { type Bench, replay, report } from "../../shared/policy/changes/replay.ts";
import type { PolicyDocument } from "../../shared/policy/schema.ts";
import { trailSource } from "../../workers/audit-log/trail-source.ts";
import { listServers } from "../../workers/servers.ts";
import { deliverAll, eventsOf } from "../audit/trail.ts";
import { addCompany, addDeal } from "../crm/rows.ts";
import { changePolicy } from "../support/publish.ts";
import { openSession } from "../support/session.ts";
import { until } from "../support/until.ts";

const SUBJECTS = listServers().flatMap(({ tools, reads: usual = [] }) =>
  tools.map(({ name, scope, effect, reads = usual, sends = "nothing" }) => ({
    ...{ kind: "tool" as const, name, scope, effect, reads, sends, input: null },
  })),
);

let calls: RecordedCall[] = [];

/** Decisions of a draft on the calls of one user: `tool: from → to`. */
function judge(change: (document: PolicyDocument) => void, user = "user_sam"): string[] {
  const bench: Bench = {
    draft: changePolicy(change),
    inForce: changePolicy(() => {}),
    known: { subjects: SUBJECTS, scopes: [] },
    roles: new Map([["user_sam", "sales"]]),
  };
  return replay(
    calls.filter(({ userId }) => userId === user),
    bench,
  ).map(({ call, to }) => `${call.name}: ${call.decision} → ${to}`);
}

const sales = ({ roles }: PolicyDocument) => roles.sales as NonNullable<PolicyDocument["roles"][string]>;

beforeAll(async () => {
  const sam = await openSession({ server: "crm", lane: "stateless", as: "sam", role: "sales" });
  await sam.call("crm_list_deals");
  await addCompany("comp_0001", "Acme");
  await addDeal("deal_0001", "comp_0001", { stage: "proposal" });
  await sam.call("crm_move_deal", { deal_id: "deal_0001", version: 1, stage: "won", reason: "Signed." });
  const vera = await openSession({ server: "crm", lane: "stateless", as: "vera", role: "viewer" });
  await vera.call("crm_create_contact", { full_name: "Nora" });
  // Outcomes and denials are recorded after the response.
  await until(async () => {
    expect(await eventsOf("user_sam")).toHaveLength(5);
    expect(await eventsOf("user_vera")).toHaveLength(1);
  });
  await deliverAll("user_sam");
  await deliverAll("user_vera");
  calls = await readCalls(trailSource(env), 0);
});

describe("recorded calls, replayed against a draft", () => {
  it("have the same result without a relevant change, refusals by arguments included", () => {
    expect(judge(() => {})).toEqual(["crm_list_deals: allow → allow", "crm_move_deal: approval → approval"]);
    expect(judge(() => {}, "user_vera")).toEqual(["crm_create_contact: deny → deny"]);
  });

  it("are refused when the draft denies their tool to the user's role at that time", () => {
    const denied = judge((document) => {
      sales(document).denied_tools = ["crm_list_*"];
    });
    expect(denied[0]).toBe("crm_list_deals: allow → deny");
  });

  it("are allowed when the draft allows refused ones", () => {
    const allowed = judge((document) => {
      document.roles.viewer = { ...sales(document), conditions: [] };
    }, "user_vera");
    expect(allowed).toEqual(["crm_create_contact: deny → allow"]);
  });

  it("cannot be decided when the draft reads arguments in another way, because their values are not stored", () => {
    const undecidable = judge((document) => {
      sales(document).conditions = [
        {
          name: "never-lost",
          tools: ["crm_move_deal"],
          require: { expression: 'args.stage != "lost"' },
          message: "Nothing is lost.",
        },
      ];
    });
    expect(undecidable[1]).toBe("crm_move_deal: approval → undecidable");
  });

  it("require approval when the draft does, and no longer when it does not", () => {
    const asked = judge((document) => {
      sales(document).require_approval = ["crm_*"];
    });
    expect(asked).toEqual(["crm_list_deals: allow → approval", "crm_move_deal: approval → approval"]);
    const free = judge((document) => {
      sales(document).require_approval = [];
    });
    expect(free[1]).toBe("crm_move_deal: approval → allow");
  });

  it("are decided by what their session had read before them", () => {
    const after = (label: string) =>
      judge((document) => {
        const when = { expression: `session.has("${label}")` };
        sales(document).require_approval = [{ name: "flow", tools: ["crm_*"], message: "Look.", when }];
      });
    expect(after("private")).toEqual(["crm_list_deals: allow → allow", "crm_move_deal: approval → approval"]);
    expect(after("untrusted")[1]).toBe("crm_move_deal: approval → allow");
    const denied = judge((document) => {
      const require = { expression: '!session.has("private")' };
      sales(document).conditions = [{ name: "flow", tools: ["crm_*"], require, message: "No." }];
    });
    expect(denied).toEqual(["crm_list_deals: allow → allow", "crm_move_deal: approval → deny"]);
  });

  it("are reported by role, tool and change, with examples", () => {
    const bench: Bench = {
      draft: changePolicy((document) => {
        sales(document).denied_tools = ["crm_list_deals"];
      }),
      inForce: changePolicy(() => {}),
      known: { subjects: SUBJECTS, scopes: [] },
      roles: new Map(),
    };
    const lines = report(replay(calls, bench), 7).split("\n");
    expect(lines[0]).toBe("3 calls in 7 days; 1 would change.");
    expect(lines[1]).toMatch(/^ +1 {2}sales +crm_list_deals +allow → deny$/);
    expect(lines[2]).toContain(calls.find(({ name }) => name === "crm_list_deals")?.callId);
    expect(lines[2]).toContain("roles.sales.denied_tools[0]");
  });
});
