import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, expect } from "vitest";
import { addCompany, addContact } from "../crm/rows.ts";
import { connect, createPerson, type TestBrowser, type TestPerson } from "../support/oauth.ts";
import { setApprovals } from "../support/policy.ts";
import { openSession } from "../support/session.ts";
import { letCallsWait, RULE } from "./waiting-call.ts";

/** The tool whose changes wait. */
export const TOOL = "crm_update_contact";
/** What a name may hold. */
export const HOSTILE = `<script>alert("x")</script>`;

/** A salesperson whose app has asked for these changes of new contacts. */
export async function askForChanges(changes: readonly Record<string, unknown>[]) {
  const requester = await createPerson("sales", `Sam ${HOSTILE}`);
  const connection = await connect(requester, { resource: "/mcp/crm", tick: ["crm:read", "crm:write"] });
  const session = await openSession({ server: "crm", lane: "stateless", token: connection });
  const calls = changes.map((change, index) => {
    const id = `con_${requester.id.slice(0, 8)}${index}`;
    return { id, run: () => session.call(TOOL, { contact_id: id, version: 1, ...change }) };
  });
  for (const { id, run } of calls) {
    await addContact(id, `Contact ${id} ${HOSTILE}`, { company_id: "cmp_inbox" });
    expect((await run()).error?.code).toBe("approval_required");
  }
  const { results } = await env.PLATFORM_DB.prepare(
    "SELECT id FROM approval WHERE requester = ? ORDER BY asked_at, rowid",
  )
    .bind(requester.id)
    .all<{ id: string }>();
  return { requester, calls, ids: results.map(({ id }) => id) };
}

/** A form of a page, as this person. */
export const post = (
  browser: TestBrowser,
  path: string,
  by: TestPerson,
  fields: readonly (readonly [string, string])[],
) =>
  browser.post(path, [["subject", by.id], ...fields.map(([name, value]): [string, string] => [name, value])]);

/** States of requests, the oldest first. */
export const stateOf = (ids: readonly string[]) =>
  env.PLATFORM_DB.prepare(
    "SELECT id, state FROM approval WHERE id IN (SELECT value FROM json_each(?)) ORDER BY asked_at, rowid",
  )
    .bind(JSON.stringify(ids))
    .all<{ state: string }>()
    .then(({ results }) => results.map(({ state }) => state));

/** Lets calls of {@link TOOL} wait for an approval, with no request from before. */
export function letChangesWait(): void {
  beforeEach(async () => {
    letCallsWait();
    setApprovals("sales", [{ ...RULE, tools: [TOOL] }]);
    await env.PLATFORM_DB.prepare("DELETE FROM approval").run();
  });
  beforeAll(() => addCompany("cmp_inbox", "Inbox Ltd"));
}
