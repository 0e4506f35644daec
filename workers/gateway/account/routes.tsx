import { type Context, Hono } from "hono";
import { admitAttempt, resetAttempts } from "../limits/attempts.ts";
import { countedAddress } from "../limits/counted-address.ts";
import { getOAuthServers } from "../oauth/oauth.ts";
import { readForm } from "../read-form.ts";
import { recordEvent } from "../record-event.ts";
import {
  isRefusal,
  openAuthFor,
  PASSWORD_LENGTH,
  readPerson,
  readSignIn,
  type SignIn,
} from "../sign-in/auth.ts";
import { listSignInRules } from "../sign-in/routes.tsx";
import { AccountPage, type AccountPageProps } from "./account-page.tsx";
import { listConnectedApps } from "./connected-apps.ts";

type GatewayContext = Context<{ Bindings: Env }>;

const SIGN_IN = "/sign-in?next=%2Faccount";
/** Notices that a redirect back to the page may name; other values are ignored. */
const NOTICES: Readonly<Record<string, string>> = {
  revoked: "The app's access has been revoked.",
  password: "Your password has been changed, and you are signed out everywhere else.",
  "second-factor-off": "The second factor is off. Your password alone signs you in.",
};

/** `/account` and its forms. */
export const accountRoutes = new Hono<{ Bindings: Env }>();

accountRoutes.get("/account", async (c) => {
  const signIn = await readSignIn(c.env, c.req.raw.headers);
  if (signIn === null) return c.redirect(SIGN_IN, 303);
  const done = c.req.query("done") ?? "";
  const text = Object.hasOwn(NOTICES, done) ? NOTICES[done] : undefined;
  return await showAccount(c, signIn, text === undefined ? undefined : { tone: "good", text });
});

accountRoutes.post("/account/revoke", async (c) => {
  const form = await readForm(c.req.raw);
  const person = await readPerson(c.env, c.req.raw.headers);
  if (person === null) return c.redirect(SIGN_IN, 303);
  const grantId = form.get("grant") ?? "";
  // The grant is looked up under the signed-in user's id, so a user cannot revoke another user's grant.
  if (/^[A-Za-z0-9_-]{1,64}$/.test(grantId)) {
    const oauth = getOAuthServers(c.env).authorizationServer.getOAuthApi(c.env);
    await oauth.revokeGrant(grantId, person.id);
    await recordEvent(c, person.id, { type: "revocation", grantId });
  }
  return c.redirect("/account?done=revoked", 303);
});

accountRoutes.post("/account/password", async (c) => {
  const form = await readForm(c.req.raw);
  const signIn = await readSignIn(c.env, c.req.raw.headers);
  if (signIn === null) return c.redirect(SIGN_IN, 303);
  const { person } = signIn;
  const current = form.get("current") ?? "";
  const chosen = form.get("new") ?? "";
  if (chosen.length < PASSWORD_LENGTH.min || chosen.length > PASSWORD_LENGTH.max) {
    const text = `The new password must have ${PASSWORD_LENGTH.min} to ${PASSWORD_LENGTH.max} characters.`;
    return await showAccount(c, signIn, { tone: "danger", text }, 422);
  }
  // A stolen session must not allow guessing the password: same counters as sign-in.
  const rules = listSignInRules(person.email, countedAddress(c.req.raw.headers));
  const admission = await admitAttempt(c.env.PLATFORM_DB, rules, Date.now());
  if (!admission.admitted) {
    c.header("Retry-After", String(admission.retryAfter));
    return await showAccount(c, signIn, { tone: "danger", text: "Too many attempts. Try again later." }, 429);
  }
  const cookies = await changePassword(c.env, c.req.raw.headers, current, chosen);
  await recordEvent(c, person.id, { type: "password_change", succeeded: cookies !== null });
  if (cookies === null) {
    return await showAccount(c, signIn, { tone: "danger", text: "The current password is wrong." }, 422);
  }
  await resetAttempts(c.env.PLATFORM_DB, rules);
  for (const cookie of cookies) c.header("Set-Cookie", cookie, { append: true });
  return c.redirect("/account?done=password", 303);
});

async function showAccount(
  c: GatewayContext,
  { person, hasSecondFactor }: SignIn,
  notice?: AccountPageProps["notice"],
  status: 200 | 422 | 429 = 200,
): Promise<Response> {
  const oauth = getOAuthServers(c.env).authorizationServer.getOAuthApi(c.env);
  const list = await listConnectedApps(oauth, c.env, person.id, c.req.query("cursor")?.slice(0, 1024));
  const props = { person, hasSecondFactor, ...list, ...(notice !== undefined && { notice }) };
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
