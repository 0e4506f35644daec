import { Buffer } from "node:buffer";
import { type Context, Hono } from "hono";
import { policyInForce } from "../../../shared/policy/current.ts";
import { toDisplayText } from "../../../shared/text/display-text.ts";
import { missingForKey, refusePassword } from "../keys/confirm-owner.ts";
import { limitVisitors } from "../limits/limit-address.ts";
import { hasPassword } from "../people.ts";
import { readForm } from "../read-form.ts";
import { recordEvent } from "../record-event.ts";
import { endOtherSessions } from "../second-factor/enrolment.ts";
import { pathToFactor, requiresFactor } from "../second-factor/requirement.ts";
import { openAuth } from "../sign-in/auth.ts";
import { againTo, toLocalPath } from "../sign-in/local-path.ts";
import { requirePerson, type SignedIn } from "../sign-in/require-person.ts";
import { endCeremony, startCeremony } from "./ceremony.ts";
import {
  addPasskey,
  findPasskey,
  listPasskeys,
  MOST_PASSKEYS,
  noteFactorOf,
  notePasskeyUse,
  removePasskey,
} from "./own-passkeys.ts";
import { NAME_LENGTH, PasskeysPage, UsePage } from "./passkey-pages.tsx";
import { PASSKEY_PAGE_POLICY, PASSKEY_SCRIPT } from "./script.ts";

const LIST = "/account/passkeys";
const USE = "/sign-in/passkey";
/** Milliseconds that a browser waits for the person. */
const TIMEOUT_MS = 5 * 60_000;

/** `/sign-in/passkey` and `/account/passkeys`. The library is loaded at the first answer of a browser. */
export const passkeyRoutes = new Hono<SignedIn>();

passkeyRoutes.use(
  USE,
  limitVisitors(
    { what: "passkey", limit: 120, windowMs: 60_000 },
    { message: "Too many sign-ins come from this address.", action: "Wait a minute, then try again." },
  ),
);

passkeyRoutes.get("/passkeys.js", (c) =>
  c.body(PASSKEY_SCRIPT, 200, {
    "Content-Type": "text/javascript; charset=utf-8",
    "Cache-Control": "public, max-age=600",
  }),
);

passkeyRoutes.get(USE, async (c) => await showUse(c, c.req.query("next")));

passkeyRoutes.post(USE, async (c) => {
  const form = await readForm(c.req.raw);
  const next = toLocalPath(form.get("next"), c.env.PUBLIC_URL, "/account");
  const challenge = await endCeremony(c, "use");
  const answer = form.get("answer") ?? "";
  const passkey = await findPasskey(c.env.PLATFORM_DB, idIn(answer));
  const { verifyUse } = await import("./verify.ts");
  const counter =
    challenge === null || passkey === null
      ? null
      : await verifyUse(c.env.PUBLIC_URL, challenge, answer, passkey);
  // One sentence for an unknown passkey, a wrong signature, an old challenge and a disabled person.
  if (passkey === null || counter === null)
    return await showUse(c, next, "This passkey did not sign you in.", 401);
  await notePasskeyUse(c.env.PLATFORM_DB, passkey.id, counter);
  const now = Date.now();
  const { headers, response } = await openAuth(c.env).api.openSession({
    body: { userId: passkey.userId, mfaAt: now, provenAt: now },
    headers: c.req.raw.headers,
    returnHeaders: true,
  });
  if (!response.opened) return await showUse(c, next, "This passkey did not sign you in.", 401);
  for (const cookie of headers.getSetCookie()) c.header("Set-Cookie", cookie, { append: true });
  await recordEvent(c, passkey.userId, { type: "sign_in", succeeded: true, provider: "passkey" });
  return c.redirect(next, 303);
});

passkeyRoutes.get(LIST, requirePerson(), async (c) => {
  const first = await missingFirst(c);
  if (first !== null && first !== "password") return c.redirect(first, 303);
  const done = c.req.query("done");
  const text =
    done === "added" ? "The passkey is added." : done === "removed" ? "The passkey is removed." : undefined;
  const notice = text === undefined ? undefined : { tone: "good" as const, text };
  return await showList(c, notice, 200, first === "password");
});

passkeyRoutes.post(LIST, requirePerson(LIST), async (c) => {
  const form = await readForm(c.req.raw);
  const { id: userId } = c.var.signIn.person;
  const challenge = await endCeremony(c, `add ${userId}`);
  const first = await missingFirst(c);
  const asksPassword = first === "password";
  if (first !== null && !asksPassword) return c.redirect(first, 303);
  const again = (text: string, status: 422 | 429 = 422) =>
    showList(c, { tone: "danger", text }, status, asksPassword);
  const name = toDisplayText(form.get("name") ?? "", NAME_LENGTH);
  if (form.get("subject") !== userId || challenge === null || name === "") {
    return await again("Nothing was added. Try again.");
  }
  if (asksPassword) {
    const refused = await refusePassword(c, c.var.signIn, form.get("password") ?? "");
    if (refused !== null) return await again(refused.text, refused.status);
  }
  const { verifyNew } = await import("./verify.ts");
  const made = await verifyNew(c.env.PUBLIC_URL, challenge, form.get("answer") ?? "");
  if (made === null || !(await addPasskey(c.env.PLATFORM_DB, { ...made, userId, name }))) {
    return await again(
      `Nothing was added: the passkey did not fit, is known already, or you have ${MOST_PASSKEYS}.`,
    );
  }
  // The device has just verified the person, so this session has given a factor. Others gave a password only, and end.
  await noteFactorOf(c.env.PLATFORM_DB, c.var.signIn.sessionId);
  await endOtherSessions(c.env.PLATFORM_DB, userId);
  await recordEvent(c, userId, { type: "second_factor", step: "enrolled" });
  return c.redirect(`${LIST}?done=added`, 303);
});

passkeyRoutes.post(`${LIST}/remove`, requirePerson(LIST), async (c) => {
  const form = await readForm(c.req.raw);
  const { person, hasSecondFactor } = c.var.signIn;
  const { id: userId } = person;
  const first = await missingFirst(c);
  // Who has a passkey gives a factor; who has none has nothing to remove.
  if (first !== null) return c.redirect(first === "password" ? LIST : first, 303);
  if (form.get("subject") !== userId) return c.redirect(`${LIST}?done=removed`, 303);
  const keepLast = !hasSecondFactor && requiresFactor(await policyInForce(c.env), person.role);
  const id = form.get("passkey") ?? "";
  if (await removePasskey(c.env.PLATFORM_DB, userId, id, keepLast)) {
    await recordEvent(c, userId, { type: "second_factor", step: "turned_off" });
  } else if (keepLast && (await listPasskeys(c.env.PLATFORM_DB, userId)).some((own) => own.id === id)) {
    const text = "Your role asks for a second factor. Add another passkey, then remove this one.";
    return await showList(c, { tone: "danger", text }, 422);
  }
  return c.redirect(`${LIST}?done=removed`, 303);
});

/**
 * What a person does first, because a passkey outlives the browser's sign-in: the address of a page, or the password on
 * this one. As for a key; but who has to set a factor up does that here, with the password, or without one after a
 * sign-in within the last 15 minutes.
 */
async function missingFirst(c: Context<SignedIn>): Promise<string | null> {
  const { signIn } = c.var;
  const missing = await missingForKey(c.env, signIn);
  if (missing === null || missing === "password") return missing;
  if (missing !== "set_up") return pathToFactor(missing, LIST);
  if (await hasPassword(c.env.PLATFORM_DB, signIn.person.id)) return "password";
  return Date.now() - signIn.since.getTime() < 15 * 60_000 ? null : againTo(LIST);
}

async function showUse(
  c: Context<SignedIn>,
  asked: string | undefined,
  error?: string,
  status: 200 | 401 = 200,
): Promise<Response> {
  const next = toLocalPath(asked, c.env.PUBLIC_URL, "/account");
  const options = {
    challenge: await startCeremony(c, "use"),
    rpId: new URL(c.env.PUBLIC_URL).hostname,
    timeout: TIMEOUT_MS,
    userVerification: "required",
    allowCredentials: [],
  };
  c.header("Content-Security-Policy", PASSKEY_PAGE_POLICY);
  return c.html(<UsePage options={options} next={next} {...(error !== undefined && { error })} />, status);
}

async function showList(
  c: Context<SignedIn>,
  notice?: { tone: "good" | "danger"; text: string },
  status: 200 | 422 | 429 = 200,
  asksPassword = false,
): Promise<Response> {
  const { id, email, name } = c.var.signIn.person;
  const passkeys = await listPasskeys(c.env.PLATFORM_DB, id);
  const options = {
    challenge: await startCeremony(c, `add ${id}`),
    rp: { id: new URL(c.env.PUBLIC_URL).hostname, name: "Gatehouse" },
    user: { id: Buffer.from(id).toString("base64url"), name: email, displayName: name },
    // EdDSA, ES256, RS256.
    pubKeyCredParams: [-8, -7, -257].map((alg) => ({ alg, type: "public-key" })),
    timeout: TIMEOUT_MS,
    attestation: "none",
    excludeCredentials: passkeys.map(({ id: known, transports }) => ({
      id: known,
      type: "public-key",
      transports,
    })),
    authenticatorSelection: {
      residentKey: "required",
      requireResidentKey: true,
      userVerification: "required",
    },
  };
  c.header("Content-Security-Policy", PASSKEY_PAGE_POLICY);
  const props = { passkeys, options, subject: id, notice, asksPassword };
  return c.html(<PasskeysPage {...props} />, status);
}

function idIn(answer: string): string {
  try {
    const { id } = JSON.parse(answer) as { id?: unknown };
    return typeof id === "string" ? id.slice(0, 1_400) : "";
  } catch {
    return "";
  }
}
