import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { ADMINISTRATION } from "../../shared/audit/record.ts";
import { runAdminJobs } from "../../workers/gateway/admin-jobs/run-admin-jobs.ts";
import { allEventsOf } from "../audit/trail.ts";
import { callMcp, connect, createPerson, signIn } from "../support/oauth.ts";
import { setConsole } from "../support/policy.ts";
import { openAs, textOf } from "./waiting-call.ts";

const statusOf = async (token: string) => (await callMcp("/mcp/crm", token)).status;

/** A person with so many apps. */
async function connectApps(count: number) {
  const person = await createPerson("sales");
  await runAdminJobs(env);
  const connections = [];
  for (let index = 0; index < count; index += 1)
    connections.push(await connect(person, { resource: "/mcp/crm" }));
  const path = `/console/people/${person.id}`;
  return { person, connections, path };
}

/** What a page can disconnect: the grant of each app, by its client id. */
const grantsOn = (html: string) =>
  new Map(
    [...html.matchAll(/<code>([^<]+)<\/code><\/p><details>.*?name="grant" value="([^"]+)"/g)].map(
      ([, clientId = "", grant = ""]) => [clientId, grant],
    ),
  );

describe("apps of a person in the console", { timeout: 30_000 }, () => {
  it("are disconnected one by one: the next call is refused, others go on, and the trail names who did it", async () => {
    const { person, connections, path } = await connectApps(2);
    const { person: admin, browser } = await openAs("admin");
    const html = await textOf(browser.get(path));
    expect(new Set(grantsOn(html).keys())).toEqual(new Set(connections.map(({ clientId }) => clientId)));
    expect(html).not.toContain("<script");
    const [kept, ended] = connections;
    const grant = grantsOn(html).get(ended?.clientId ?? "") ?? "";
    const answer = await browser.post(path, { subject: admin.id, change: "app", grant });
    expect(answer.headers.get("Location")).toBe(`${path}?done=app`);
    expect(await textOf(browser.get(`${path}?done=app`))).toContain("The app is disconnected");
    expect(await statusOf(ended?.accessToken ?? "")).toBe(401);
    expect(await statusOf(kept?.accessToken ?? "")).toBe(200);
    const recorded = (await allEventsOf(ADMINISTRATION)).filter(({ type }) => type === "work_ended");
    expect(recorded).toEqual([
      { type: "work_ended", userId: person.id, kind: "app", id: grant, by: `/console/people (${admin.id})` },
    ]);
    const again = await browser.post(path, { subject: admin.id, change: "app", grant });
    expect([again.status, await again.text()]).toEqual([422, expect.stringContaining("has no such app")]);
  });

  it("are no other person's, not one's own, and not without the right", async () => {
    const [one, other] = [await connectApps(1), await connectApps(1)];
    const { person: admin, browser } = await openAs("admin");
    const [grant = ""] = grantsOn(await textOf(browser.get(other.path))).values();
    const end = (path: string, subject: string) => ({ path, fields: { subject, change: "app", grant } });
    const crossed = end(one.path, admin.id);
    expect((await browser.post(crossed.path, crossed.fields)).status).toBe(422);
    setConsole("sales", ["people"]);
    const own = await signIn(other.person);
    expect(grantsOn(await textOf(own.get(other.path))).size).toBe(0);
    const tried = end(other.path, other.person.id);
    expect((await own.post(tried.path, tried.fields)).status).toBe(403);
    setConsole("sales", []);
    expect((await own.post(tried.path, tried.fields)).status).toBe(403);
    for (const { connections } of [one, other])
      expect(await statusOf(connections[0]?.accessToken ?? "")).toBe(200);
  });
});
