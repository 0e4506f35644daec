import { type Context, Hono } from "hono";
import { overConnection } from "../../../../shared/encoding/platform-database.ts";
import { findLostWorkloads } from "../../../../shared/policy/changes/check-workloads.ts";
import { LIST_PUBLICATIONS } from "../../../../shared/policy/changes/publications.ts";
import { readPublished, readState } from "../../../../shared/policy/changes/published.ts";
import { PolicyRefusal } from "../../../../shared/policy/changes/refusal.ts";
import { listRoles } from "../../../../shared/policy/current.ts";
import { refuse } from "../../failures.tsx";
import { readForm } from "../../read-form.ts";
import { namePeople } from "../names.ts";
import type { Notice } from "../people/people-page.tsx";
import type { InConsole } from "../require-right.ts";
import { DraftPage } from "./draft-page.tsx";
import { beginDraft, type Draft, findDraft, listDrafts, moveBase, removeDraft, saveDraft } from "./drafts.ts";
import { EDITOR_PAGE_POLICY, EDITOR_SCRIPT } from "./editor/script.ts";
import { PolicyPage, peopleIn, toListed } from "./policy-page.tsx";
import { tryRoutes } from "./try-routes.tsx";
import { VersionPage } from "./version-page.tsx";

/** Largest form with a policy in it, in bytes: URL encoding makes three of one. */
const MOST_BYTES = 400 * 1024;

/** Most characters of a draft. */
const MOST_TEXT = 120_000;

const OTHER_PERSON = "Another person signed in on this browser in the meantime. Look again.";
const CHANGED =
  "The draft was changed, published or removed after you looked at it. Nothing was changed now.";

/** What a redirect back to a page may announce. */
const DONE: Readonly<Record<string, string>> = {
  begun: "A draft was begun. It is not in force until it is published.",
  saved: "Saved. The draft is not in force until it is published.",
  base: "The draft is compared with the policy that is in force now.",
  removed: "The draft is removed.",
};

/** `/console/policy`: what is in force, drafts, and what each would change. YAML and expressions load on first use. */
export const policyRoutes = new Hono<InConsole>();

policyRoutes.route("/", tryRoutes);

policyRoutes.get("/", (c) => showPolicy(c, announced(c)));

policyRoutes.get("/editor.js", (c) =>
  c.body(EDITOR_SCRIPT, 200, {
    "Content-Type": "text/javascript; charset=utf-8",
    "Cache-Control": "private, max-age=600",
  }),
);

policyRoutes.get("/editor.json", async (c) => {
  const [{ openBench }, { listVocabulary }] = await Promise.all([
    import("./bench.ts"),
    import("./editor/vocabulary.ts"),
  ]);
  const { known, policy } = await openBench(c.env);
  return c.json(listVocabulary(known, listRoles(policy)), 200, { "Cache-Control": "no-store" });
});

policyRoutes.get("/versions/:number", async (c) => {
  const { readVersionText } = await import("./bench.ts");
  const number = readNumber(c.req.param("number"));
  try {
    const text = await readVersionText(c.env, number);
    return c.html(<VersionPage number={number} text={text} links={c.var.links} />);
  } catch (failure) {
    if (failure instanceof PolicyRefusal) return await refuseUnknown(c, failure.message);
    throw failure;
  }
});

policyRoutes.post("/drafts", async (c) => {
  const form = await readForm(c.req.raw);
  const { person } = c.var.signIn;
  if (form.get("subject") !== person.id)
    return await showPolicy(c, { tone: "danger", text: OTHER_PERSON }, 409);
  const { readVersionText } = await import("./bench.ts");
  const { publication, version } = await readState(overConnection(c.env.PLATFORM_DB));
  const restores = form.has("version") ? readNumber(form.get("version")) : version;
  try {
    const text = await readVersionText(c.env, restores);
    const id = await beginDraft(c.env.PLATFORM_DB, { text, restores, base: publication, author: person.id });
    if (id !== null) return c.redirect(`/console/policy/drafts/${id}?done=begun`, 303);
    return await showPolicy(
      c,
      { tone: "danger", text: "Too many drafts are open. Remove one of them first." },
      409,
    );
  } catch (failure) {
    if (!(failure instanceof PolicyRefusal)) throw failure;
    return await showPolicy(c, { tone: "danger", text: failure.message }, 422);
  }
});

policyRoutes.get("/drafts/:id", async (c) => {
  const draft = await findDraft(c.env.PLATFORM_DB, c.req.param("id"));
  return draft === null ? await refuseUnknown(c) : await showDraft(c, draft, announced(c));
});

policyRoutes.post("/drafts/:id", async (c) => {
  const form = await readForm(c.req.raw, MOST_BYTES);
  const draft = await openDraft(c, form);
  if (draft instanceof Response) return draft;
  const text = (form.get("text") ?? "").replaceAll("\r\n", "\n");
  const typed = { ...draft, text };
  if (text.length > MOST_TEXT)
    return await showDraft(
      c,
      typed,
      { tone: "danger", text: `A draft has at most ${MOST_TEXT} characters.` },
      422,
    );
  const seen = { id: draft.id, revision: readNumber(form.get("revision")) };
  if (await saveDraft(c.env.PLATFORM_DB, seen, text, c.var.signIn.person.id))
    return c.redirect(`/console/policy/drafts/${draft.id}?done=saved`, 303);
  return await showDraft(c, typed, { tone: "danger", text: `${CHANGED} Your text is below.` }, 409);
});

policyRoutes.post("/drafts/:id/base", async (c) => {
  const form = await readForm(c.req.raw);
  const draft = await openDraft(c, form);
  if (draft instanceof Response) return draft;
  const seen = { id: draft.id, revision: readNumber(form.get("revision")) };
  if (await moveBase(c.env.PLATFORM_DB, seen, readNumber(form.get("base"))))
    return c.redirect(`/console/policy/drafts/${draft.id}?done=base`, 303);
  return await showDraft(c, draft, { tone: "danger", text: CHANGED }, 409);
});

policyRoutes.post("/drafts/:id/remove", async (c) => {
  const form = await readForm(c.req.raw);
  const draft = await openDraft(c, form);
  if (draft instanceof Response) return draft;
  const seen = { id: draft.id, revision: readNumber(form.get("revision")) };
  if (await removeDraft(c.env.PLATFORM_DB, seen)) return c.redirect("/console/policy?done=removed", 303);
  return await showDraft(c, draft, { tone: "danger", text: CHANGED }, 409);
});

policyRoutes.post("/drafts/:id/publish", async (c) => {
  const form = await readForm(c.req.raw);
  const draft = await openDraft(c, form);
  if (draft instanceof Response) return draft;
  const [{ judgeDraft, openBench }, { publishDraft }] = await Promise.all([
    import("./bench.ts"),
    import("./publish-draft.ts"),
  ]);
  try {
    const bench = await openBench(c.env);
    const { version } = await publishDraft(
      c.env,
      bench,
      draft,
      await judgeDraft(bench, "draft", draft.text),
      {
        person: c.var.signIn.person,
        revision: readNumber(form.get("revision")),
        base: readNumber(form.get("base")),
        note: form.get("note") ?? "",
        sawOwnGains: form.get("own") === "seen",
      },
    );
    return c.redirect(`/console/policy?published=${version}`, 303);
  } catch (failure) {
    if (!(failure instanceof PolicyRefusal)) throw failure;
    const status = failure.kind === "mistaken" || failure.kind === "too_large" ? 422 : 409;
    return await showDraft(c, draft, { tone: "danger", text: failure.message }, status);
  }
});

/** The draft of a form; an answer when the form does not count, or the draft is not there. */
async function openDraft(
  c: Context<InConsole, "/drafts/:id">,
  form: URLSearchParams,
): Promise<Draft | Response> {
  const draft = await findDraft(c.env.PLATFORM_DB, c.req.param("id") ?? "");
  if (draft === null) return await refuseUnknown(c);
  if (form.get("subject") === c.var.signIn.person.id) return draft;
  return await showDraft(c, draft, { tone: "danger", text: OTHER_PERSON }, 409);
}

async function showPolicy(c: Context<InConsole>, notice?: Notice, status: 200 | 409 | 422 = 200) {
  const database = c.env.PLATFORM_DB;
  const [drafts, rows, state] = await Promise.all([
    listDrafts(database),
    overConnection(database).query(LIST_PUBLICATIONS),
    readState(overConnection(database)),
  ]);
  // A publication of connections leaves the policy as it was, and is none of the policy.
  const publications = rows
    .map(toListed)
    .filter(({ version }, index, all) => version !== (all[index + 1]?.version ?? 1));
  const ids = [
    ...drafts.flatMap(({ authors }) => authors),
    ...publications.flatMap(({ by }) => peopleIn(by)),
  ];
  const people = await namePeople(database, ids);
  const warnings = await findLost(c.env, state.version);
  const props = { drafts, publications, people, warnings, version: state.version };
  const frame = { subject: c.var.signIn.person.id, links: c.var.links, ...(notice && { notice }) };
  return c.html(<PolicyPage {...props} {...frame} />, status);
}

/** What the policy in force names and the database has no more: a service account ends after a publication too. */
async function findLost(env: Env, version: number): Promise<string[]> {
  const database = overConnection(env.PLATFORM_DB);
  try {
    const { document } = await readPublished(database, version);
    return await findLostWorkloads(database, document, Date.now());
  } catch (failure) {
    // The page says itself that this release cannot read it.
    if (failure instanceof PolicyRefusal) return [];
    throw failure;
  }
}

async function showDraft(
  c: Context<InConsole>,
  draft: Draft,
  notice?: Notice,
  status: 200 | 409 | 422 = 200,
): Promise<Response> {
  const { judgeDraft, listGains, openBench } = await import("./bench.ts");
  const { person } = c.var.signIn;
  const bench = await openBench(c.env);
  const judged = await judgeDraft(bench, "draft", draft.text);
  const people = await namePeople(c.env.PLATFORM_DB, draft.authors);
  const props = {
    draft,
    judged,
    people,
    state: bench.state,
    own: { role: person.role, gains: listGains(judged.differences, person.role) },
    takesAnother: bench.policy.takesTwoToPublish && draft.authors.includes(person.id),
    subject: person.id,
    links: c.var.links,
  };
  c.header("Content-Security-Policy", EDITOR_PAGE_POLICY);
  return c.html(<DraftPage {...props} {...(notice && { notice })} />, status);
}

function announced(c: Context<InConsole>): Notice | undefined {
  const done = c.req.query("done") ?? "";
  if (Object.hasOwn(DONE, done)) return { tone: "good", text: String(DONE[done]) };
  const version = readNumber(c.req.query("published"));
  if (version === 0) return undefined;
  return { tone: "good", text: `Version ${version} is in force: here now, everywhere within 30 seconds.` };
}

function refuseUnknown(c: Context<InConsole>, message?: string): Response | Promise<Response> {
  return refuse(c, {
    status: 404,
    code: "not_found",
    title: "This is not here",
    message: message ?? "This draft was published or removed.",
    action: "Look for it in the list of drafts and publications.",
    link: { href: "/console/policy", label: "Policy" },
  });
}

/** 0 for anything but digits. */
function readNumber(text: string | null | undefined): number {
  return /^\d{1,9}$/.test(text ?? "") ? Number(text) : 0;
}
