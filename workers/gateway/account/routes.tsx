import { type Context, Hono } from "hono";
import { isKeyId } from "../../../shared/auth/access-key.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { endGrants } from "../admin-jobs/erase-person.ts";
import { refuse } from "../failures.tsx";
import { admitAttempt, resetAttempts } from "../limits/attempts.ts";
import { countedAddress } from "../limits/counted-address.ts";
import { getOAuthServers } from "../oauth/oauth.ts";
import { hasPassword } from "../people.ts";
import { readForm } from "../read-form.ts";
import { recordEvent } from "../record-event.ts";
import { isRefusal, openAuthFor, PASSWORD_LENGTH } from "../sign-in/auth.ts";
import { requirePerson, type SignedIn } from "../sign-in/require-person.ts";
import { listSignInRules } from "../sign-in/routes.tsx";
import { AccountPage, type AccountPageProps } from "./account-page.tsx";
import { AppPage } from "./app-page.tsx";
import { findConnectedApp, listConnectedApps } from "./connected-apps.ts";
import { listOwnBrowsers, signOutBrowser, signOutOthers } from "./own-browsers.ts";

type GatewayContext = Context<SignedIn>;

const PAGE = "/account";
/** What a redirect back to the page may announce; anything else in the address is ignored. */
const NOTICES: Readonly<Record<string, string>> = {
  browser: "The browser is signed out.",
  browsers: "You are signed out everywhere else.",
  revoked: "The app's access has been revoked.",
  "all-revoked": "Every app is disconnected.",
  password: "Your password has been changed, and you are signed out everywhere else.",
  "second-factor-off": "The second factor is off. Your password alone signs you in.",
};

/** `/account` and the forms on it. */
export const accountRoutes = new Hono<SignedIn>();

accountRoutes.get(PAGE, requirePerson(), async (c) => {
  const done = c.req.query("done") ?? "";
  const text = Object.hasOwn(NOTICES, done) ? NOTICES[done] : undefined;
  return await showAccount(c, text === undefined ? undefined : { tone: "good", text });
});

accountRoutes.get("/account/apps/:grant", requirePerson(), async (c) => {
  const oauth = (await getOAuthServers(c.env)).authorizationServer.getOAuthApi(c.env);
  const app = await findConnectedApp(oauth, c.env, c.var.signIn.person.id, c.req.param("grant"));
  if (app !== null) return c.html(<AppPage app={app} />);
  return await refuse(c, {
    status: 404,
    code: "not_found",
    title: "This app is not here",
    message: "You have no app with this address. It may have been disconnected.",
    action: "Look for it in your list.",
    link: { href: PAGE, label: "Your account" },
  });
});

accountRoutes.post("/account/revoke", requirePerson(PAGE), async (c) => {
  const form = await readForm(c.req.raw);
  const { person } = c.var.signIn;
  if (form.get("all") === "yes") {
    for (const grantId of await endGrants(c.env, person.id)) {
      await recordEvent(c, person.id, { type: "revocation", grantId });
    }
    return c.redirect("/account?done=all-revoked", 303);
  }
  const grantId = form.get("grant") ?? "";
  // The grant is looked up under the signed-in user's id, so a user cannot revoke another user's grant.
  // An API key is no grant: it is revoked on its own page, which removes it as well.
  if (/^[A-Za-z0-9_-]{1,64}$/.test(grantId) && !isKeyId(grantId)) {
    const oauth = (await getOAuthServers(c.env)).authorizationServer.getOAuthApi(c.env);
    await oauth.revokeGrant(grantId, person.id);
    await recordEvent(c, person.id, { type: "revocation", grantId });
  }
  return c.redirect("/account?done=revoked", 303);
});

accountRoutes.post("/account/browsers", requirePerson(PAGE), async (c) => {
  const form = await readForm(c.req.raw);
  const { person, sessionId } = c.var.signIn;
  const everywhere = form.get("others") === "all";
  const ended = everywhere
    ? (await signOutOthers(c.env.PLATFORM_DB, person.id, sessionId)) > 0
    : await signOutBrowser(c.env.PLATFORM_DB, person.id, (form.get("browser") ?? "").slice(0, 64));
  if (ended) await recordEvent(c, person.id, { type: "sign_out" });
  return c.redirect(`${PAGE}?done=${everywhere ? "browsers" : "browser"}`, 303);
});

accountRoutes.post("/account/password", requirePerson(PAGE), async (c) => {
  const form = await readForm(c.req.raw);
  const { person } = c.var.signIn;
  const current = form.get("current") ?? "";
  const chosen = form.get("new") ?? "";
  if (chosen.length < PASSWORD_LENGTH.min || chosen.length > PASSWORD_LENGTH.max) {
    const text = `The new password must have ${PASSWORD_LENGTH.min} to ${PASSWORD_LENGTH.max} characters.`;
    return await showAccount(c, { tone: "danger", text }, 422);
  }
  // A stolen session must not allow guessing the password: same counters as sign-in.
  const rules = listSignInRules(person.email, countedAddress(c.req.raw.headers));
  const admission = await admitAttempt(c.env, rules, Date.now());
  if (!admission.admitted) {
    c.header("Retry-After", String(admission.retryAfter));
    return await showAccount(c, { tone: "danger", text: "Too many attempts. Try again later." }, 429);
  }
  const cookies = await changePassword(c.env, c.req.raw.headers, current, chosen);
  await recordEvent(c, person.id, { type: "password_change", succeeded: cookies !== null });
  if (cookies === null) {
    return await showAccount(c, { tone: "danger", text: "The current password is wrong." }, 422);
  }
  await resetAttempts(c.env, rules);
  for (const cookie of cookies) c.header("Set-Cookie", cookie, { append: true });
  return c.redirect("/account?done=password", 303);
});

async function showAccount(
  c: GatewayContext,
  notice?: AccountPageProps["notice"],
  status: 200 | 422 | 429 = 200,
): Promise<Response> {
  const { person, hasSecondFactor, sessionId } = c.var.signIn;
  const oauth = (await getOAuthServers(c.env)).authorizationServer.getOAuthApi(c.env);
  const query = (c.req.query("q") ?? "").trim().slice(0, 100);
  const page = Math.trunc(Number(c.req.query("page"))) || 1;
  const list = await listConnectedApps(oauth, c.env, person.id, { query, page });
  const hasConsole = (await policyInForce(c.env)).roles.get(person.role)?.console.size;
  const props = {
    person,
    browsers: await listOwnBrowsers(c.env.PLATFORM_DB, person.id, sessionId),
    hasSecondFactor,
    hasPassword: await hasPassword(c.env.PLATFORM_DB, person.id),
    hasConsole: Boolean(hasConsole),
    query,
    list,
    ...(notice !== undefined && { notice }),
  };
  return c.html(<AccountPage {...props} />, status);
}

/** Returns the new session's cookies, or `null` if the current password is wrong. */
async function changePassword(
  env: Env,
  headers: Headers,
  current: string,
  chosen: string,
): Promise<string[] | null> {
  try {
    const auth = await openAuthFor(env, headers);
    const result = await auth.api.changePassword({
      body: {
        currentPassword: current.slice(0, PASSWORD_LENGTH.max + 1),
        newPassword: chosen,
        revokeOtherSessions: true,
      },
      headers,
      returnHeaders: true,
    });
    return result.headers.getSetCookie();
  } catch (failure) {
    if (isRefusal(failure)) return null;
    throw failure;
  }
}
