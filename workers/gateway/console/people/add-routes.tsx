import { type Context, Hono } from "hono";
import { overConnection } from "../../../../shared/encoding/platform-database.ts";
import { email, name } from "../../../../shared/people/fields.ts";
import { type ImportPlan, planImport } from "../../../../shared/people/import.ts";
import { listRoles } from "../../../../shared/policy/current.ts";
import { missingForKey } from "../../keys/confirm-owner.ts";
import { readMailer } from "../../mail/mailer.ts";
import { readForm } from "../../read-form.ts";
import { pathToFactor } from "../../second-factor/requirement.ts";
import { EMAIL_LENGTH } from "../../sign-in/auth.ts";
import type { InConsole } from "../require-right.ts";
import { IMPORT_LIMITS, importNow, rulesOf } from "./import-now.ts";
import { CheckedPage, ImportedPage, ImportPage } from "./import-pages.tsx";
import { GivenPage, InvitePage, type TypedInvitation } from "./link-pages.tsx";
import { askedBy, asksPassword, confirmAsking, inviteNow } from "./links.ts";
import type { Notice } from "./people-page.tsx";
import { readUpload } from "./read-upload.ts";
import { whyNotAt } from "./why-not.ts";

type InPage = Context<InConsole>;
type Status = 200 | 403 | 409 | 422 | 429;

const [INVITE, IMPORT] = ["/console/people/invite", "/console/people/import"];
const LIMITS = `At most ${IMPORT_LIMITS.people.toLocaleString("en")} people and ${IMPORT_LIMITS.bytes / 1024} KiB;`;
const OTHER_PERSON = "Another person signed in on this browser in the meantime. Look again, then decide.";

/** `/console/people/invite` and `/console/people/import`: people who are not there yet. */
export const addPeopleRoutes = new Hono<InConsole>();

addPeopleRoutes.get("/invite", async (c) => {
  const first = await missingFirst(c, INVITE);
  if (first !== null) return c.redirect(first, 303);
  return await showInvite(c, { email: "", name: "", role: c.var.policy.defaultRole });
});

addPeopleRoutes.post("/invite", async (c) => {
  const form = await readForm(c.req.raw);
  const typed: TypedInvitation = {
    email: (form.get("email") ?? "").trim().slice(0, EMAIL_LENGTH),
    name: (form.get("name") ?? "").trim().slice(0, 120),
    role: form.get("role") ?? "",
  };
  const again = (status: Status, text: string) => showInvite(c, typed, { tone: "danger", text }, status);
  if (form.get("subject") !== c.var.signIn.person.id) return await again(409, OTHER_PERSON);
  const address = email.safeParse(typed.email);
  if (!address.success) return await again(422, "Write the e-mail address in full.");
  const own = await whyNotAt(c, address.data);
  if (own !== null) return await again(403, own);
  const called = name.safeParse(typed.name);
  if (!called.success) return await again(422, "Write a name of at most 120 characters.");
  if (!listRoles(c.var.policy).includes(typed.role)) return await again(422, "Choose a role of the policy.");
  const refused = await confirmAsking(c, form, INVITE);
  if (refused !== null)
    return "redirect" in refused
      ? c.redirect(refused.redirect, 303)
      : await again(refused.status, refused.text);
  const invited = { email: address.data, name: called.data, role: typed.role };
  const asked = askedBy(c, form.get("show") !== "yes");
  const done = await inviteNow(c.env, c.var.policy.signIn, invited, asked);
  if ("text" in done) return await again(422, `${done.text}${sayInstead(done.instead)}`);
  return c.html(<GivenPage given={done} links={c.var.links} />);
});

addPeopleRoutes.get("/import", async (c) => {
  const first = await missingFirst(c, IMPORT);
  return first === null ? await showImport(c) : c.redirect(first, 303);
});

addPeopleRoutes.post("/import", async (c) => {
  const { fields, bytes } = await readUpload(c.req.raw, IMPORT_LIMITS.bytes);
  if (fields.get("subject") !== c.var.signIn.person.id) return await showImport(c, OTHER_PERSON, 409);
  if (bytes === null || bytes.byteLength === 0) return await showImport(c, "Choose a file.", 422);
  return await showChecked(c, bytes);
});

addPeopleRoutes.post("/import/confirm", async (c) => {
  // Percent-encoding makes three of each byte at most.
  const form = await readForm(c.req.raw, 3 * IMPORT_LIMITS.bytes + 16 * 1024);
  const bytes = new TextEncoder().encode(form.get("text") ?? "");
  if (form.get("subject") !== c.var.signIn.person.id) return await showImport(c, OTHER_PERSON, 409);
  const plan = await planFor(c, bytes);
  // What was checked may have changed meanwhile: the page says again what would be done.
  if (plan.mistakes.length > 0 || plan.fresh.length + plan.waiting.length === 0)
    return await showChecked(c, bytes);
  const refused = await confirmAsking(c, form, IMPORT);
  if (refused !== null)
    return "redirect" in refused
      ? c.redirect(refused.redirect, 303)
      : await showChecked(c, bytes, { tone: "danger", text: refused.text }, refused.status);
  const asked = askedBy(c, form.get("show") !== "yes");
  return c.html(<ImportedPage done={await importNow(c.env, plan, asked)} links={c.var.links} />);
});

function sayInstead(instead: "reset" | "role" | null): string {
  if (instead === "reset") return " Make a link for another password on their page.";
  return instead === "role" ? " Change the role on their page." : "";
}

/** Where a person gives a factor before a form is filled in; `null` if they need not, or type the password in the form. */
async function missingFirst(c: InPage, here: string): Promise<string | null> {
  const missing = await missingForKey(c.env, c.var.signIn);
  return missing === null || missing === "password" ? null : pathToFactor(missing, here);
}

async function around(c: InPage, notice?: Notice) {
  return {
    links: c.var.links,
    subject: c.var.signIn.person.id,
    asksPassword: await asksPassword(c),
    mails: readMailer(c.env) !== null,
    notice,
  };
}

async function showInvite(c: InPage, typed: TypedInvitation, notice?: Notice, status: Status = 200) {
  const props = { ...(await around(c, notice)), roles: listRoles(c.var.policy), typed };
  return c.html(<InvitePage {...props} />, status);
}

async function showImport(c: InPage, text?: string, status: Status = 200) {
  const notice: Notice | undefined = text === undefined ? undefined : { tone: "danger", text };
  return c.html(<ImportPage {...(await around(c, notice))} limits={LIMITS} />, status);
}

/** What a file would do. A person gives no link to oneself. */
async function planFor(c: InPage, bytes: Uint8Array): Promise<ImportPlan> {
  const database = overConnection(c.env.PLATFORM_DB);
  const plan = await planImport(database, bytes, rulesOf(c.var.policy), IMPORT_LIMITS);
  return { ...plan, waiting: plan.waiting.filter((address) => address !== c.var.signIn.person.email) };
}

async function showChecked(c: InPage, bytes: Uint8Array, notice?: Notice, status: Status = 200) {
  const plan = await planFor(c, bytes);
  const text = plan.mistakes.length === 0 ? new TextDecoder().decode(bytes) : "";
  const shown = plan.mistakes.length > 0 && status === 200 ? 422 : status;
  return c.html(<CheckedPage {...(await around(c, notice))} plan={plan} text={text} />, shown);
}
