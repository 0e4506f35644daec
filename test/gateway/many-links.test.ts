import {
  createExecutionContext,
  createScheduledController,
  env,
  waitOnExecutionContext,
} from "cloudflare:test";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { overConnection } from "../../shared/encoding/platform-database.ts";
import { MOST_TRIES } from "../../shared/people/admin-requests.ts";
import { addPlanned, planImport } from "../../shared/people/import.ts";
import { addLinks, askForLinks, createLink, NOT_MAILED } from "../../shared/people/password-links.ts";
import { LINK_RUN, runLinks, sendMarkedLink } from "../../workers/gateway/admin-jobs/run-admin-jobs.ts";
import { listPeople } from "../../workers/gateway/console/people/list-people.ts";
import { giveLink } from "../../workers/gateway/mail/give-link.ts";
import { MailError } from "../../workers/gateway/mail/mailer.ts";
import worker from "../../workers/index.ts";
import { createPerson } from "../support/oauth.ts";
import { failingAt, withDatabase } from "./failing-database.ts";

const MINUTE_MS = 60_000;
/** Milliseconds that the double takes for one message. */
const MESSAGE_MS = 300;

beforeEach(() => void vi.useFakeTimers({ now: Date.now(), toFake: ["Date"] }));
afterEach(async () => {
  vi.useRealTimers();
  await env.PLATFORM_DB.prepare("DELETE FROM admin_request").run();
});

const pass = async (ms: number) => void vi.setSystemTime(Date.now() + ms);

/** Adds people by a file, and asks for a link for each. */
async function importPeople(count: number): Promise<{ emails: string[]; marks: string[] }> {
  const emails = Array.from({ length: count }, (_, index) => `p${index}.${crypto.randomUUID()}@many.example`);
  const bytes = new TextEncoder().encode(`email,name\n${emails.map((email) => `${email},P`).join("\n")}\n`);
  const { signIn } = await import("../../shared/policy/bundled.ts").then(({ bundledPolicy }) =>
    bundledPolicy(),
  );
  const database = overConnection(env.PLATFORM_DB);
  const plan = await planImport(database, bytes, { roles: ["viewer"], defaultRole: "viewer", signIn });
  const asked = plan.linked.map((user) => ({ user, kind: "invitation" as const, mark: crypto.randomUUID() }));
  await database.change(`${addPlanned(plan, "test")}\n${askForLinks(asked, "test", Date.now())}`);
  return { emails, marks: asked.map(({ mark }) => mark) };
}

/** What the binding rejects with: an error of ours, or one of its own with a code. */
type Refusal = MailError | { code: string };

/** A provider that takes messages or refuses each as `fails` says, which may let time pass. */
function provider(fails: () => Refusal | undefined | Promise<Refusal | undefined>) {
  const sent: string[] = [];
  const send = async ({ to }: { to: string[] }) => {
    await pass(MESSAGE_MS);
    const fault = await fails();
    if (fault !== undefined) throw fault;
    sent.push(...to);
    return { messageId: "m" };
  };
  return { sent, there: { ...env, EMAIL_FROM: "gate@example.com", EMAIL: { send } } as unknown as Env };
}

const open = () =>
  env.PLATFORM_DB.prepare(
    "SELECT count(*) AS n FROM admin_request WHERE kind = 'link_mail' AND done_at IS NULL",
  ).first("n");

/** Begins a run every minute, as the trigger does, until nothing is open. Minutes that passed. */
async function runMinutes(there: Env, most: number): Promise<number> {
  const began = Date.now();
  for (let minute = 0; minute < most && (await open()) !== 0; minute += 1) {
    vi.setSystemTime(began + minute * MINUTE_MS);
    await runLinks(there, pass);
  }
  return (Date.now() - began) / MINUTE_MS;
}

it.each([
  ["asks to wait", new MailError("limit", { of: "provider", waitMs: 1_000 })],
  ["says so in a code of the binding", { code: "E_RATE_LIMIT_EXCEEDED" }],
])(
  "sends 500 invitations within 12 minutes, each once, to a provider that takes two a second and %s",
  async (_what, refusal) => {
    const { emails } = await importPeople(500);
    let [second, taken] = [0, 0];
    const { sent, there } = provider(() => {
      const now = Math.floor(Date.now() / 1_000);
      if (now !== second) [second, taken] = [now, 0];
      taken += 1;
      if (taken > 2) return refusal;
    });
    expect(await runMinutes(there, 30)).toBeLessThanOrEqual(12);
    expect(sent.toSorted()).toEqual(emails.toSorted());
  },
  60_000,
);

it.each([
  ["refuses", true],
  ["does not answer", false],
])(
  "goes on after a provider %s for five hours, and no message is given up",
  async (_what, certain) => {
    const { emails } = await importPeople(2);
    const back = Date.now() + 5 * 60 * MINUTE_MS;
    const { sent, there } = provider(() =>
      Date.now() < back ? new MailError("away", { of: "provider", certain }) : undefined,
    );
    expect(await runMinutes(there, 7 * 60)).toBeLessThanOrEqual(6 * 60 + 1);
    expect(sent.toSorted()).toEqual(emails.toSorted());
    const tries = await env.PLATFORM_DB.prepare("SELECT max(tries) AS n FROM admin_request").first<number>(
      "n",
    );
    expect(tries).toBeLessThan(MOST_TRIES);
  },
  60_000,
);

it("of a provider that refuses twice in a row asks no more within a run, and pauses once", async () => {
  await importPeople(5);
  let [asked, waited] = [0, 0];
  const { there } = provider(() => {
    asked += 1;
    return { code: "E_RATE_LIMIT_EXCEEDED" };
  });
  await runLinks(there, async (ms) => {
    waited = ms;
    await pass(ms);
  });
  const { results } = await env.PLATFORM_DB.prepare(
    "SELECT tries FROM admin_request WHERE kind = 'link_mail' ORDER BY id",
  ).all();
  expect(results.map(({ tries }) => tries)).toEqual([2, 0, 0, 0, 0]);
  expect(asked).toBe(2);
  expect(waited).toBeGreaterThanOrEqual(1_000);
});

it("of a provider that refuses every other message sends as many as the queries of one run allow", async () => {
  await importPeople(LINK_RUN.links);
  let asked = 0;
  const { sent, there } = provider(() => {
    asked += 1;
    vi.setSystemTime(Date.now() - MESSAGE_MS);
    return asked % 2 === 1 ? new MailError("limit", { of: "provider", waitMs: 1 }) : undefined;
  });
  await runLinks(there, async () => undefined);
  expect([asked, sent.length]).toEqual([LINK_RUN.links, LINK_RUN.links / 2]);
}, 60_000);

it.each([
  ["refuses that one message", { code: "E_RECIPIENT_SUPPRESSED" }],
  ["takes none for now", { code: "E_INTERNAL_SERVER_ERROR" }],
])(
  "marks no link as missing of a person who got another one while the provider %s",
  async (_what, refusal) => {
    const { emails } = await importPeople(1);
    const database = overConnection(env.PLATFORM_DB);
    const given = { kind: "invitation", by: "test", at: Date.now() } as const;
    const { there } = provider(async () => {
      await database.change(addLinks([{ user: emails[0] ?? "", digest: createLink().digest }], given));
      return refusal;
    });
    await runLinks(there, pass);
    const outcome = await env.PLATFORM_DB.prepare(
      "SELECT outcome FROM admin_request WHERE kind = 'link_mail'",
    ).first<string>("outcome");
    expect(JSON.parse(outcome ?? "")).toEqual({ sent: false, why: NOT_MAILED.withdrawn });
    const { people } = await listPeople(env.PLATFORM_DB, emails[0] ?? "", "");
    expect(people.map(({ unsent }) => unsent)).toEqual([null]);
  },
);

it("leaves a request to the sender that has it where the database fails while another takes it", async () => {
  const { marks } = await importPeople(1);
  const taken = { taken: Date.now() + MINUTE_MS };
  await env.PLATFORM_DB.prepare("UPDATE admin_request SET outcome = ? WHERE kind = 'link_mail'")
    .bind(JSON.stringify(taken))
    .run();
  const { sent, there } = provider(() => undefined);
  const failing = failingAt(there, "'$.taken'");
  expect(await sendMarkedLink(failing, marks[0] ?? "")).toBeNull();
  const row = await env.PLATFORM_DB.prepare(
    "SELECT tries, outcome FROM admin_request WHERE kind = 'link_mail'",
  ).first();
  expect([row, sent]).toEqual([{ tries: 0, outcome: JSON.stringify(taken) }, []]);
});

it("says of a message that was sent that it was, where the database fails afterwards", async () => {
  const [person, reader] = [await createPerson("viewer"), await createPerson("admin")];
  const { sent, there } = provider(() => undefined);
  const failing = failingAt(there, "SET shown_to = NULL");
  const given = await giveLink(failing, person, { kind: "invitation", by: "test", shownTo: reader.id });
  expect([given?.sent, sent.length]).toEqual([true, 1]);
});

it("sends nothing to an address that its person has no more, and leaves the links that work", async () => {
  const person = await createPerson("viewer");
  const { sent, there } = provider(() => undefined);
  const asked = { kind: "invitation", by: "test" } as const;
  await giveLink(there, person, { ...asked, mail: false });
  const links = () =>
    env.PLATFORM_DB.prepare("SELECT digest FROM password_link WHERE user_id = ?").bind(person.id).all();
  const before = (await links()).results;
  expect(await giveLink(there, { ...person, email: `old.${person.email}` }, asked)).toBeNull();
  expect([sent, before.length, (await links()).results]).toEqual([[], 1, before]);
});

it("sends a link to the address that its person has got meanwhile", async () => {
  const { emails } = await importPeople(1);
  const moved = `moved.${emails[0]}`;
  const { sent, there } = provider(() => undefined);
  let isMoved = false;
  const moving = withDatabase(there, {
    async batch(statements) {
      if (!isMoved)
        await env.PLATFORM_DB.prepare(`UPDATE "user" SET "email" = ? WHERE "email" = ?`)
          .bind(moved, emails[0])
          .run();
      isMoved = true;
      return await env.PLATFORM_DB.batch(statements);
    },
  });
  await runLinks(moving, pass);
  expect([sent, await open()]).toEqual([[moved], 0]);
});

it("sends none twice when runs, pages and commands meet, and takes one up that a stopped run left", async () => {
  const { emails, marks } = await importPeople(3);
  const meet: (() => Promise<unknown>)[] = [
    () => runLinks(there, pass),
    () => sendMarkedLink(there, marks[0] ?? ""),
  ];
  const { sent, there } = provider(async () => void (await meet.shift()?.()));
  await runLinks(there, pass);
  expect(sent.toSorted()).toEqual(emails.toSorted());

  const { emails: left, marks: stopped } = await importPeople(1);
  await env.PLATFORM_DB.prepare("UPDATE admin_request SET outcome = json_object('taken', ?) WHERE mark = ?")
    .bind(Date.now() + 1_000, stopped[0])
    .run();
  await runLinks(there, pass);
  expect(await open()).toBe(1);
  await pass(1_001);
  await runLinks(there, pass);
  expect(sent.slice(3)).toEqual(left);
});

it("sends no invitation to a person who is kept out meanwhile", async () => {
  const { emails } = await importPeople(1);
  await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "email" = ?`).bind(emails[0]).run();
  const { sent, there } = provider(() => undefined);
  await runLinks(there, pass);
  expect([sent, await open()]).toEqual([[], 0]);
});

it("has a trigger of its own", async () => {
  const { emails } = await importPeople(1);
  const { sent, there } = provider(() => undefined);
  const ctx = createExecutionContext();
  await worker.scheduled?.(createScheduledController({ cron: "* * * * *" }), there, ctx);
  await waitOnExecutionContext(ctx);
  expect(sent).toEqual(emails);
});
