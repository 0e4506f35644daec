import { type Context, Hono } from "hono";
import { openFactorLink } from "../../../shared/auth/approval-link.ts";
import { openKeyring } from "../../../shared/auth/keyring.ts";
import { giveFreshFactor } from "../../../shared/people/fresh-factor.ts";
import { isFresh } from "../../../shared/policy/second-factor.ts";
import { Page } from "../../../shared/web/page.tsx";
import { findApp } from "../account/find-app.ts";
import { refuse } from "../failures.tsx";
import { readForm } from "../read-form.ts";
import { recordEvent } from "../record-event.ts";
import { requirePerson, type SignedIn } from "../sign-in/require-person.ts";
import { missingWithoutOwn, pathToFactor } from "./requirement.ts";

type GatewayContext = Context<SignedIn>;

/** Milliseconds that the second factor of this browser may be old. */
const FRESH_MS = 5 * 60_000;

/**
 * `/account/factor/<link>`: a call of an app waits for a fresh second factor. Its person gives it here, and says that it is
 * for this app; other apps do not have it.
 */
export const lendFactorRoutes = new Hono<SignedIn>();

lendFactorRoutes.get("/account/factor/:link", requirePerson(), async (c) => {
  const app = await findOwn(c);
  if (app === null) return await refuseLink(c);
  const elsewhere = missingFirst(c);
  if (elsewhere !== null) return c.redirect(elsewhere, 303);
  const { id, email } = c.var.signIn.person;
  return c.html(
    <Page title="Confirm a call">
      <div class="card">
        <h1>Confirm a call of {app.name}</h1>
        <p>
          A call of this app needs your second factor, which you have given now. Confirm only if you have just
          asked the app for something, as {email}.
        </p>
        <form method="post" action={pathOf(c)}>
          <input type="hidden" name="subject" value={id} />
          <div class="actions">
            <button type="submit" class="primary">
              Confirm
            </button>
            <a class="button" href="/account">
              Not now
            </a>
          </div>
        </form>
      </div>
    </Page>,
  );
});

lendFactorRoutes.post("/account/factor/:link", requirePerson(), async (c) => {
  const form = await readForm(c.req.raw);
  const { person, mfaAt } = c.var.signIn;
  const app = await findOwn(c);
  if (app === null || form.get("subject") !== person.id) return await refuseLink(c);
  const elsewhere = missingFirst(c);
  if (elsewhere !== null || mfaAt === null) return c.redirect(elsewhere ?? pathOf(c), 303);
  await giveFreshFactor(c.env.PLATFORM_DB, { userId: person.id, grantId: app.grantId, mfaAt });
  await recordEvent(c, person.id, { type: "second_factor", step: "lent", grantId: app.grantId });
  return c.html(
    <Page title="Confirmed">
      <div class="card">
        <h1>Confirmed</h1>
        <p role="status">Go back to {app.name}: its call goes on, or can be repeated now.</p>
      </div>
    </Page>,
  );
});

/** The app of the link, if it is this person's and still connected. */
async function findOwn(c: GatewayContext): Promise<{ grantId: string; name: string } | null> {
  const link = await openFactorLink(openKeyring(c.env, "APPROVAL_LINK_KEY"), c.req.param("link") ?? "");
  if (link === null || link.userId !== c.var.signIn.person.id) return null;
  const app = await findApp(c.env, link.userId, link.grantId);
  return app && { grantId: link.grantId, name: app.name };
}

/** Where the person gives a factor, or a fresh one, first; `null` if this browser has one. */
function missingFirst(c: GatewayContext): string | null {
  const { hasSecondFactor, hasPasskey, mfaAt } = c.var.signIn;
  if (isFresh(mfaAt, FRESH_MS, Date.now())) return null;
  return pathToFactor(hasSecondFactor || hasPasskey ? "code" : missingWithoutOwn(mfaAt), pathOf(c));
}

function pathOf(c: GatewayContext): string {
  return new URL(c.req.url).pathname;
}

function refuseLink(c: GatewayContext): Response | Promise<Response> {
  return refuse(c, {
    status: 404,
    code: "not_found",
    title: "This call is not yours",
    message: "The link belongs to another account, was not copied whole, or its app is no longer connected.",
    action: "Sign in with the account that the app is connected to, and open the link again.",
    link: { href: "/account", label: "Your account" },
  });
}
