import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { findApproval } from "../support/approvals.ts";
import { setApprovals } from "../support/policy.ts";
import { LANES, openSession } from "../support/session.ts";

describe.each(LANES)("restoring a version on the %s lane", (lane) => {
  it("needs the approval that writing the same text needs, and shows what would change", async () => {
    const session = await openSession({ server: "knowledge", lane, as: `restores${lane}` });
    const saved = await session.call("knowledge_save_article", {
      ...{ collection: "rights", new_collection_title: "Rights", title: `Restored ${lane}` },
      body: "First text.",
    });
    const { id } = saved.data;
    const change = { id, expected_version: 1, body: "Second text.", change_note: "Other" };
    expect((await session.call("knowledge_update_article", change)).data.version).toBe(2);
    const rule = { name: "look", tools: ["knowledge_update_article"], message: "Somebody has to look." };
    try {
      setApprovals("admin", [{ ...rule, when: { expression: 'args.body == "Something else"' } }]);
      const free = { id, version: 1, expected_version: 2 };
      expect((await session.call("knowledge_restore_version", free)).data.version).toBe(3);
      setApprovals("admin", [{ ...rule, when: { expression: 'args.body == "Second text."' } }]);
      const back = { id, version: 2, expected_version: 3 };
      expect((await session.call("knowledge_restore_version", back)).error?.code).toBe("approval_required");
      const { shown, binding } = await findApproval(`user_restores${lane}`);
      expect(binding.alsoFor).toEqual(["knowledge_update_article"]);
      expect(shown?.preview).toMatchObject([
        {
          record: { type: "article", id },
          fields: [{ name: "body", from: "First text.", to: "Second text." }],
        },
      ]);
      // What would be refused anyway is refused at once.
      const stale = await session.call("knowledge_restore_version", { ...back, expected_version: 2 });
      expect(stale.error?.code).toBe("conflict");
      const unknown = await session.call("knowledge_restore_version", { ...back, version: 9 });
      expect(unknown.error?.code).toBe("not_found");
      const open = env.PLATFORM_DB.prepare("SELECT count(*) AS n FROM approval WHERE requester = ?");
      expect(await open.bind(`user_restores${lane}`).first("n")).toBe(1);
    } finally {
      setApprovals("admin", []);
    }
  });
});
