import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PEOPLE } from "../../scripts/people.ts";
import { type LocalStorage, makeLocalStorage } from "../support/local-storage.ts";

let storage: LocalStorage;

const run = (...args: string[]) => storage.run(PEOPLE, args);
const inPlatform: LocalStorage["inPlatform"] = (work) => storage.inPlatform(work);

beforeAll(async () => {
  storage = await makeLocalStorage();
});

afterAll(() => storage.remove());

const SIGN_IN = `sign_in:
  password: refused
  providers:
    corp:
      kind: oidc
      title: Corp
      issuer: https://login.example.com
      client_id: gatehouse
      domains: [corp.example]
      roles: [{ role: viewer, when: { groups: [staff] } }]
`;

const linkIn = (output: string) => /https?:\/\/\S+\/password\?link=([0-9a-f]{64})/.exec(output)?.[1] ?? "";

it("people invite and reset print a link that works once, and the database has its digest only", async () => {
  const invited = await run(
    "invite",
    "--email",
    "Grace@example.com",
    "--name",
    "Grace Hopper",
    "--role",
    "viewer",
  );
  expect(invited.code, invited.output).toBe(0);
  const first = linkIn(invited.output);
  expect(first).not.toBe("");
  expect(invited.output).toContain("within 7 days");
  expect(invited.output).not.toContain("Password, shown");

  const raised = await run("invite", "--email", "grace@example.com", "--role", "admin");
  expect(raised.code).toBe(1);
  expect(raised.output).toContain("grace@example.com is there as viewer.");

  const again = await run("invite", "--email", "grace@example.com");
  const second = linkIn(again.output);
  expect(second).not.toBe("");
  expect(second).not.toBe(first);

  await inPlatform((database) => database.prepare(`UPDATE "account" SET "password" = 'hash'`).run());
  const refused = await run("invite", "--email", "grace@example.com");
  expect(refused.code).toBe(1);
  expect(refused.output).toContain("is already there, with a password");

  const reset = await run("reset", "--email", "grace@example.com");
  const third = linkIn(reset.output);
  expect(reset.output).toContain("within 24 hours");
  expect((await run("reset", "--email", "nobody@example.com")).output).toContain("No person has the address");

  const stored = await inPlatform(async (database) => ({
    links: (await database.prepare("SELECT * FROM password_link").all()).results,
    changes: (
      await database
        .prepare("SELECT detail, by FROM admin_request WHERE kind = 'person_change' ORDER BY id")
        .all()
    ).results,
  }));
  expect(stored.links).toHaveLength(1);
  expect(stored.links[0]?.kind).toBe("reset");
  for (const token of [first, second, third]) expect(JSON.stringify(stored)).not.toContain(token);
  const changes = stored.changes.map(({ detail, by }) => [
    JSON.parse(String(detail)).change,
    String(by).split(" (")[0],
  ]);
  expect(changes).toEqual([
    ["added", "npm run people"],
    ["password_link", "npm run people"],
    ["password_link", "npm run people"],
  ]);
  // Each command opens the databases once.
}, 300_000);

/** Notes what became of a message, as the Worker does; one that follows stays open. */
const note = (mark: string, outcome: object) =>
  inPlatform((database) =>
    database
      .prepare(
        "UPDATE admin_request SET done_at = iif(?1 ->> 'follows', NULL, unixepoch() * 1000 + 999), outcome = ?1 WHERE mark = ?2",
      )
      .bind(JSON.stringify(outcome), mark)
      .run(),
  );

/** A Gatehouse that answers commands as the Worker does; without an outcome it hangs up. */
async function withGatehouse(
  outcomeOf: (mark: string) => Promise<object | null>,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const server = createServer(async (request, response) => {
    const { mark } = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { mark: string };
    const outcome = await outcomeOf(mark);
    if (outcome === null) return void response.destroy();
    await note(mark, outcome);
    response.statusCode = "follows" in outcome ? 503 : 200;
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`).finally(() => server.close());
}

it("people invite has Gatehouse send the link, and prints one with the reason where it is not sent", async () => {
  const openLinks = () =>
    inPlatform(
      async (database) => (await database.prepare("SELECT kind, by FROM password_link").all()).results,
    );
  const invite = (name: string, url: string, ...more: string[]) =>
    run("invite", "--email", `${name}@mail.example`, "--name", name, "--url", url, ...more);
  const before = (await openLinks()).length;
  await withGatehouse(
    async () => ({ sent: true }),
    async (url) => {
      const { code, output } = await invite("ann", url);
      expect([code, output]).toEqual([0, expect.stringContaining("Sent ann@mail.example a link by e-mail")]);
      expect(linkIn(output)).toBe("");
      // The Worker makes that link, and no other one is made.
      expect(await openLinks()).toHaveLength(before);
      expect(linkIn((await invite("ben", url, "--print")).output)).not.toBe("");
    },
  );
  for (const [name, outcome, why] of [
    [
      "cat",
      { sent: false, why: "The provider of e-mail answered 422." },
      "The provider of e-mail answered 422.",
    ],
    ["dan", null, "Gatehouse did not answer in time."],
  ] as const) {
    await withGatehouse(
      async () => outcome,
      async (url) => {
        const { code, output } = await invite(name, url);
        expect([code, output]).toEqual([0, expect.stringContaining(why)]);
        expect(linkIn(output)).not.toBe("");
      },
    );
  }
  const waiting = `SELECT count(*) AS total FROM admin_request WHERE kind = 'link_mail' AND done_at IS NULL`;
  expect(await inPlatform((database) => database.prepare(waiting).first())).toEqual({ total: 0 });
}, 300_000);

it("people import leaves what the provider takes later to Gatehouse, shows no link of it, and list counts it", async () => {
  const csv = path.join(storage.folder, "many.csv");
  const names = ["una", "vic", "wim", "xia", "yan", "zoe"];
  await writeFile(csv, `email,name\n${names.map((name) => `${name}@many.example,${name}`).join("\n")}\n`);
  let asked = 0;
  const later = { sent: false, why: "The provider of e-mail answered 429.", follows: true };
  await withGatehouse(
    async () => (++asked === 1 ? { sent: true } : later),
    async (url) => {
      const { code, output } = await run("import", csv, "--url", url);
      expect([code, output]).toEqual([0, expect.stringContaining("Sent una@many.example a link by e-mail")]);
      expect(output).toContain("The provider of e-mail answered 429.");
      expect(output).toContain("5 more messages follow within minutes.");
      expect(linkIn(output)).toBe("");
    },
  );
  expect((await run("list")).output).toContain("5 messages with links are still to be sent.");
  await inPlatform((database) => database.prepare("DELETE FROM admin_request WHERE done_at IS NULL").run());
}, 300_000);

it("people import by a clock ahead of Gatehouse's says what was sent, and prints a link of whose request is gone", async () => {
  const csv = path.join(storage.folder, "ahead.csv");
  await writeFile(csv, "email,name\neve@ahead.example,Eve\nfay@ahead.example,Fay\ngus@ahead.example,Gus\n");
  let asked = 0;
  const answers = {
    1: "UPDATE admin_request SET done_at = unixepoch() * 1000 - 600000, outcome = json_object('sent', json('true')) WHERE mark = ?",
    2: "DELETE FROM admin_request WHERE mark = ?",
  } as Record<number, string>;
  const server = createServer(async (request, response) => {
    const { mark } = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { mark: string };
    const sql = answers[++asked] ?? answers[1] ?? "";
    await inPlatform((database) => database.prepare(sql).bind(mark).run());
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { output } = await run("import", csv, "--url", url).finally(() => server.close());
  expect(output).toContain("Sent 2 people a link each by e-mail");
  expect(output.match(/password\?link=/g)).toHaveLength(1);
  expect(output).not.toContain("follow");
}, 300_000);

it("people import goes on where a run of Gatehouse has sent a message meanwhile", async () => {
  const csv = path.join(storage.folder, "met.csv");
  await writeFile(csv, "email,name\nada@met.example,Ada\nbob@met.example,Bob\ncyd@met.example,Cyd\n");
  let asked = 0;
  const server = createServer(async (request, response) => {
    const { mark } = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { mark: string };
    await note(mark, { sent: true });
    response.statusCode = ++asked === 2 ? 404 : 200;
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { output } = await run("import", csv, "--url", url).finally(() => server.close());
  expect(output).toContain("Sent 3 people a link each by e-mail");
  expect(linkIn(output)).toBe("");
}, 300_000);

it("people add a team, name its members, and refuse to make it sign in", async () => {
  const team = "night-jobs@team.invalid";
  const added = await run("add-team", "--name", "Night jobs", "--role", "viewer");
  expect(added.output).toContain(team);
  const joined = await run("join", "--team", team, "--email", "grace@example.com");
  expect([added.code, joined.code], joined.output).toEqual([0, 0]);
  expect((await run("teams")).output).toContain("1 members, named one by one; 0 service accounts");
  expect((await run("invite", "--email", team)).output).toContain("never signs in");
});

it("people add, role and password go by the policy in force: its roles, and no password that cannot sign in", async () => {
  const text = await readFile("shared/policy/policy.yaml", "utf8");
  const draft = path.join(storage.folder, "policy.yaml");
  const proofreader = `roles:
  proofreader:
    description: Reads articles.
    scopes: ["knowledge:read"]
    allowed_tools: ["knowledge_*"]
    allowed_resources: []
    allowed_prompts: []
    mask: { public: show, internal: show, pii: mask, secret: drop, text: [pii, secret] }
`;
  await writeFile(draft, `${text.replace(/^roles:\n/m, proofreader)}\n${SIGN_IN}`);
  const add = (email: string, ...more: string[]) => run("add", "--email", email, "--name", "Ida", ...more);
  expect((await add("before@example.com")).output).toContain("Password, shown this once");
  const unknown = await run("role", "--email", "before@example.com", "--role", "proofreader");
  expect([unknown.code, unknown.output]).toEqual([1, expect.stringContaining("The roles are ")]);

  const published = await storage.runPolicy(["publish", "--file", draft]);
  expect(published.code, published.output).toBe(0);
  const role = await run("role", "--email", "before@example.com", "--role", "proofreader");
  expect(role.code, role.output).toBe(0);
  const refused = [await add("after@example.com"), await run("password", "--email", "before@example.com")];
  for (const { code, output } of refused) {
    expect([code, output]).toEqual([1, expect.stringContaining("signs in with single sign-on")]);
    expect(output).not.toContain("Password, shown");
  }
  const invited = await run(
    "invite",
    "--email",
    "after@example.com",
    "--name",
    "Ida",
    "--role",
    "proofreader",
  );
  expect([invited.code, invited.output]).toEqual([0, expect.stringContaining("as proofreader")]);
});
