import { type Context, Hono } from "hono";
import { overConnection } from "../../../../shared/encoding/platform-database.ts";
import { readState } from "../../../../shared/policy/changes/published.ts";
import { PolicyRefusal } from "../../../../shared/policy/changes/refusal.ts";
import { listRoles } from "../../../../shared/policy/current.ts";
import { trailSource } from "../../../audit-log/trail-source.ts";
import { refuse } from "../../failures.tsx";
import { readForm } from "../../read-form.ts";
import { namePeople } from "../names.ts";
import type { InConsole } from "../require-right.ts";
import { findDraft } from "./drafts.ts";
import { type Answer, type Asked, ExplainPage, QUESTION_FIELDS } from "./explain-page.tsx";
import { SimulatePage } from "./simulate-page.tsx";

const DAY_MS = 24 * 60 * 60_000;

/** Most records of the trail that one page replays, the newest. */
const MOST_RECORDS = 50_000;

/** Most days that one page replays. */
const MOST_DAYS = 30;

/** Most characters of one value of a question. */
const VALUE_LENGTH = 4_000;

/** Explaining and simulating: both read only. A question is a form that is posted, because its arguments may be personal. */
export const tryRoutes = new Hono<InConsole>();

tryRoutes.get("/explain", (c) =>
  showQuestion(
    c,
    readAsked((name) => c.req.query(name)),
  ),
);

tryRoutes.post("/explain", async (c) => {
  const form = await readForm(c.req.raw);
  const asked = readAsked((name) => form.get(name) ?? undefined);
  return await showQuestion(c, asked, await answer(c, asked));
});

tryRoutes.get("/drafts/:id/simulate", async (c) => {
  const draft = await findDraft(c.env.PLATFORM_DB, c.req.param("id"));
  if (draft === null) return await refuseUnknown(c);
  const days = Math.min(Math.max(Number.parseInt(c.req.query("days") ?? "7", 10) || 7, 1), MOST_DAYS);
  const [{ judgeDraft, openBench }, { readCalls }, { simulate }, { groupChanges }] = await Promise.all([
    import("./bench.ts"),
    import("../../../../shared/policy/changes/recorded-calls.ts"),
    import("../../../../shared/policy/changes/simulate.ts"),
    import("../../../../shared/policy/changes/replay.ts"),
  ]);
  const bench = await openBench(c.env);
  const { read } = await judgeDraft(bench, "draft", draft.text);
  if (read.value === null) return c.redirect(`/console/policy/drafts/${draft.id}`, 303);
  const since = Date.now() - days * DAY_MS;
  const calls = await readCalls(trailSource(c.env), since, MOST_RECORDS);
  const verdicts = await simulate(bench.database, read.value, bench.known, calls);
  const groups = groupChanges(verdicts);
  const shown = groups.flatMap(({ members }) => members.slice(0, 3).map(({ call }) => call.userId));
  const people = await namePeople(c.env.PLATFORM_DB, [...new Set(shown)]);
  const result = { calls: verdicts.length, groups, people, days, mostRecords: MOST_RECORDS };
  return c.html(<SimulatePage draft={draft.id} result={result} links={c.var.links} />);
});

async function answer(c: Context<InConsole>, asked: Asked): Promise<Answer> {
  const [{ openBench, readVersionText }, { explain, readQuestion }, { readPolicy }] = await Promise.all([
    import("./bench.ts"),
    import("../../../../shared/policy/changes/explain.ts"),
    import("../../../../shared/policy/changes/read-policy.ts"),
  ]);
  const found = asked.person === "" ? null : await findRole(c.env.PLATFORM_DB, asked.person);
  if (asked.person !== "" && found === null) return { problem: "No person has this address." };
  const role = found ?? asked.role;
  if (role === "") return { problem: "Name a person or a role." };
  try {
    const bench = await openBench(c.env);
    const draft = asked.draft === "" ? null : await findDraft(c.env.PLATFORM_DB, asked.draft);
    if (asked.draft !== "" && draft === null) return { problem: "This draft was published or removed." };
    const text = draft?.text ?? (await readVersionText(c.env, Number(asked.version) || bench.state.version));
    const read = readPolicy("policy", text);
    if (read.policy === null) return { problem: "The draft has mistakes. Correct them first." };
    const given = Object.entries(asked.question).filter(([, value]) => value !== "");
    const written = readQuestion(role, Object.fromEntries(given), Date.now());
    if ("wrong" in written) {
      const { field, message, advice } = written.wrong;
      return { problem: `${QUESTION_FIELDS[field]} ${message}. ${advice}` };
    }
    const explained = explain(read, bench.known, written.question);
    if (typeof explained === "string") return { problem: explained };
    const place = explained.line === null ? "" : (text.split("\n")[explained.line - 1] ?? "");
    return { explained, place };
  } catch (failure) {
    if (failure instanceof PolicyRefusal) return { problem: failure.message };
    throw failure;
  }
}

async function showQuestion(c: Context<InConsole>, asked: Asked, answered?: Answer) {
  const { openBench } = await import("./bench.ts");
  const { known } = await openBench(c.env);
  const { version } = await readState(overConnection(c.env.PLATFORM_DB));
  const props = {
    asked,
    roles: listRoles(c.var.policy),
    tools: known.subjects.filter(({ kind }) => kind === "tool").map(({ name }) => name),
    version,
    links: c.var.links,
    ...(answered && { answer: answered }),
  };
  return c.html(<ExplainPage {...props} />, answered !== undefined && "problem" in answered ? 422 : 200);
}

function readAsked(read: (name: string) => string | undefined): Asked {
  const text = (name: string) => (read(name) ?? "").trim().slice(0, VALUE_LENGTH);
  const question = Object.keys(QUESTION_FIELDS).map((name) => [name, text(name)]);
  return {
    draft: text("draft").slice(0, 64),
    version: /^\d{1,9}$/.test(text("version")) ? text("version") : "",
    person: text("person"),
    role: text("role"),
    question: Object.fromEntries(question) as Asked["question"],
  };
}

async function findRole(database: D1Database, person: string): Promise<string | null> {
  return await database
    .prepare(`SELECT "role" FROM "user" WHERE "email" = ?1 OR "id" = ?2`)
    .bind(person.toLowerCase(), person)
    .first<string>("role");
}

function refuseUnknown(c: Context<InConsole>): Response | Promise<Response> {
  return refuse(c, {
    status: 404,
    code: "not_found",
    title: "This draft is not here",
    message: "It was published or removed.",
    action: "Look for it in the list of drafts and publications.",
    link: { href: "/console/policy", label: "Policy" },
  });
}
