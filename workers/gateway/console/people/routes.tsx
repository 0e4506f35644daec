import { type Context, Hono } from "hono";
import { titleOfSignIn } from "../../../../shared/people/invite.ts";
import { COUNT_OPEN_LINKS, describeOpenLinks } from "../../../../shared/people/password-links.ts";
import { listRoles } from "../../../../shared/policy/current.ts";
import { refuse } from "../../failures.tsx";
import { readMailer } from "../../mail/mailer.ts";
import { readForm } from "../../read-form.ts";
import { EMAIL_LENGTH } from "../../sign-in/auth.ts";
import type { InConsole } from "../require-right.ts";
import { addPeopleRoutes } from "./add-routes.tsx";
import { disconnectApp, listAppsOf } from "./apps.ts";
import { type AskedChange, changePersonNow } from "./change.ts";
import { GivenPage } from "./link-pages.tsx";
import { askedBy, asksPassword, confirmAsking, linkNow, nameAsking, resetFactorsNow } from "./links.ts";
import { findListed, findOpenLink, type ListedPerson, listPeople } from "./list-people.ts";
import { type Notice, PeoplePage, PersonPage } from "./people-page.tsx";
import { whyNot } from "./why-not.ts";

/** What a redirect back to a person's page may announce; anything else in the address is ignored. */
const DONE: Readonly<Record<string, string>> = {
  role: "The role is changed and in force: the next call of every app and session is decided by it.",
  disable: "They can no longer sign in, and connected apps are refused.",
  enable: "They can sign in again.",
  app: "The app is disconnected: its next call is refused.",
  factors: "Second factor and passkeys are removed, and the person is signed out everywhere.",
  same: "Nothing changed: it was so already.",
  later: "The change is stored. Open sessions and connected apps notice it within 30 seconds.",
};

/** `/console/people`: everyone who may sign in, and a page of each. */
export const peopleRoutes = new Hono<InConsole>();

peopleRoutes.get("/", async (c) => {
  const search = (c.req.query("search") ?? "").trim().slice(0, EMAIL_LENGTH);
  const list = await listPeople(c.env.PLATFORM_DB, search, (c.req.query("after") ?? "").slice(0, 64));
  const row = await c.env.PLATFORM_DB.prepare(COUNT_OPEN_LINKS).first();
  const mails = describeOpenLinks(row ?? undefined, Date.now());
  return c.html(<PeoplePage {...list} search={search} mails={mails} links={c.var.links} />);
});

peopleRoutes.route("/", addPeopleRoutes);

peopleRoutes.get("/:id", async (c) => {
  const person = await findListed(c.env.PLATFORM_DB, c.req.param("id"));
  if (person === null) return await refuseUnknown(c);
  const done = c.req.query("done") ?? "";
  const text = Object.hasOwn(DONE, done) ? DONE[done] : undefined;
  return showPerson(c, person, text === undefined ? undefined : { tone: "good", text });
});

peopleRoutes.post("/:id", async (c) => {
  const form = await readForm(c.req.raw);
  const { person: asking } = c.var.signIn;
  const person = await findListed(c.env.PLATFORM_DB, c.req.param("id"));
  if (person === null) return await refuseUnknown(c);
  const again = (status: 403 | 409 | 422, text: string) =>
    showPerson(c, person, { tone: "danger", text }, status);
  if (form.get("subject") !== asking.id) {
    return again(409, "Another person signed in on this browser in the meantime. Look again, then decide.");
  }
  const own = await whyNot(c, person);
  if (own !== null) return again(403, own);
  if (form.get("change") === "link" || form.get("change") === "factors")
    return await giveWayIn(c, person, form);
  if (form.get("change") === "app") {
    const ended = await disconnectApp(c.env, person.id, form.get("grant") ?? "", asking.id);
    return ended
      ? c.redirect(`${pathOf(person)}?done=app`, 303)
      : again(422, "This person has no such app. It may have been disconnected.");
  }
  const change = toChange(form, listRoles(c.var.policy));
  if (change === null) return again(422, "Choose one of the changes on this page.");
  if (isSame(person, change)) return c.redirect(`${pathOf(person)}?done=same`, 303);
  const outcome = await changePersonNow(c.env, person.id, change, asking.id);
  if (outcome === "unknown") return again(409, "Nothing was changed. Look again.");
  return c.redirect(`${pathOf(person)}?done=${outcome === "in force" ? change.kind : "later"}`, 303);
});

/** Makes a link for a password, or removes second factor and passkeys, once the asking person has confirmed who they are. */
async function giveWayIn(
  c: Context<InConsole>,
  person: ListedPerson,
  form: URLSearchParams,
): Promise<Response> {
  const again = (status: 409 | 422 | 429, text: string) =>
    showPerson(c, person, { tone: "danger", text }, status);
  if (person.members !== null) return await again(422, "A team never signs in.");
  if (person.disabled) return await again(422, "This person is kept out: let them in again first.");
  const refused = await confirmAsking(c, form, pathOf(person));
  if (refused !== null)
    return "redirect" in refused
      ? c.redirect(refused.redirect, 303)
      : await again(refused.status, refused.text);
  if (form.get("change") === "factors") {
    const outcome = await resetFactorsNow(c.env, person.id, nameAsking(c));
    return c.redirect(`${pathOf(person)}?done=${outcome === "in force" ? "factors" : "later"}`, 303);
  }
  const asked = askedBy(c, form.get("show") !== "yes");
  const done = await linkNow(c.env, c.var.policy.signIn, person.email, asked);
  if ("text" in done) return await again(422, done.text);
  return await c.html(<GivenPage given={done} links={c.var.links} />);
}

function toChange(form: URLSearchParams, roles: readonly string[]): AskedChange | null {
  const kind = form.get("change");
  if (kind === "disable" || kind === "enable") return { kind };
  const role = roles.find((name) => name === form.get("role"));
  return kind === "role" && role !== undefined ? { kind, role } : null;
}

function isSame(person: ListedPerson, change: AskedChange): boolean {
  return change.kind === "role"
    ? person.role === change.role
    : person.disabled === (change.kind === "disable");
}

async function showPerson(
  c: Context<InConsole>,
  person: ListedPerson,
  notice?: Notice,
  status: 200 | 403 | 409 | 422 | 429 = 200,
): Promise<Response> {
  const { id } = c.var.signIn.person;
  const roles = listRoles(c.var.policy);
  const page = Math.trunc(Number(c.req.query("page"))) || 1;
  const props = {
    person,
    roles,
    apps: person.members === null ? await listAppsOf(c.env, person.id, page) : null,
    subject: id,
    locked: await whyNot(c, person),
    here: pathOf(person),
    links: c.var.links,
    openLink: await findOpenLink(c.env.PLATFORM_DB, person.id),
    asksPassword: await asksPassword(c),
    mails: readMailer(c.env) !== null,
    title: titleOfSignIn(c.var.policy.signIn, person.email),
    ...(notice && { notice }),
  };
  return c.html(<PersonPage {...props} />, status);
}

function refuseUnknown(c: Context<InConsole>): Response | Promise<Response> {
  return refuse(c, {
    status: 404,
    code: "not_found",
    title: "This person is not here",
    message: "No person has this address in the console. They may have been erased.",
    action: "Look for them in the list.",
    link: { href: "/console/people", label: "All people" },
  });
}

function pathOf({ id }: ListedPerson): string {
  return `/console/people/${encodeURIComponent(id)}`;
}
