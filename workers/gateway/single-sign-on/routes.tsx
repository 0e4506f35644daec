import { Buffer } from "node:buffer";
import { type Context, Hono } from "hono";
import { logFailure } from "../../../shared/observe/log.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { issuerOf } from "../../../shared/policy/sign-in/sign-in.ts";
import { refuse } from "../failures.tsx";
import { limitVisitors } from "../limits/limit-address.ts";
import { readProviderSecret } from "../optional-secrets.ts";
import { recordEvent } from "../record-event.ts";
import { openAuth } from "../sign-in/auth.ts";
import { toLocalPath } from "../sign-in/local-path.ts";
import { admitPerson } from "./admit-person.ts";
import { type Attempt, keepAttempt, takeAttempt } from "./attempt.ts";
import { type FederatedIdentity, type Provider, SignInEnded } from "./identity.ts";
import { keepLastProvider } from "./sign-out.ts";

type GatewayContext = Context<{ Bindings: Env }>;

/** Requests per address and minute: a sign-in needs two, and a company's people may share an address. */
const REQUESTS_PER_MINUTE = 300;

/** `/sign-in/with/<provider>`: single sign-on. Code of a provider's kind is loaded at its first use. */
export const singleSignOnRoutes = new Hono<{ Bindings: Env }>();

singleSignOnRoutes.use(
  "/sign-in/with/*",
  limitVisitors(
    { what: "single-sign-on", limit: REQUESTS_PER_MINUTE, windowMs: 60_000 },
    { message: "Too many sign-ins come from this address.", action: "Wait a minute, then try again." },
  ),
);

singleSignOnRoutes.get("/sign-in/with/:provider", (c) =>
  answerEnd(c, async () => {
    const provider = await requireProvider(c);
    const next = toLocalPath(c.req.query("next"), c.env.PUBLIC_URL, "/account");
    const { document } = provider;
    if (document.kind === "access") {
      const { readAccess } = await import("./access.ts");
      return await enter(c, provider, await readAccess({ ...provider, document }, c.req.raw.headers), next);
    }
    requireSecret(c.env, provider);
    const attempt: Attempt = {
      provider: provider.name,
      issuer: issuerOf(document),
      state: createToken(),
      nonce: createToken(),
      verifier: createToken(),
      next,
      fresh: c.req.query("fresh") === "1",
      at: Date.now(),
    };
    const redirectUri = callbackOf(c.env, provider);
    const location =
      document.kind === "oidc"
        ? await (await import("./oidc.ts")).startOidc({ ...provider, document }, attempt, redirectUri)
        : await (await import("./github.ts")).startGithub({ ...provider, document }, attempt, redirectUri);
    await keepAttempt(c, attempt);
    return c.redirect(location, 303);
  }),
);

singleSignOnRoutes.get("/sign-in/with/:provider/callback", (c) =>
  answerEnd(c, async () => {
    const provider = await requireProvider(c);
    const { document } = provider;
    const attempt = await takeAttempt(c, provider.name, c.req.query("state") ?? "");
    if (attempt === null || document.kind === "access" || attempt.issuer !== issuerOf(document)) {
      throw new SignInEnded(
        "again",
        "This sign-in was not begun on this browser, took too long, or was used already.",
      );
    }
    const about = { redirectUri: callbackOf(c.env, provider), secret: requireSecret(c.env, provider) };
    const identity = await finish(provider, attempt, new URL(c.req.url), about);
    return await enter(c, provider, identity, attempt.next);
  }),
);

/** Runs the checks of the provider's kind. What its library refuses counts as an attempt that failed. */
async function finish(
  provider: Provider,
  attempt: Attempt,
  callback: URL,
  about: { redirectUri: string; secret: string | null },
): Promise<FederatedIdentity> {
  const { document } = provider;
  try {
    if (document.kind === "oidc") {
      return await (await import("./oidc.ts")).finishOidc(
        { ...provider, document },
        attempt,
        callback,
        about,
      );
    }
    if (document.kind === "github") {
      return await (await import("./github.ts")).finishGithub(
        { ...provider, document },
        attempt,
        callback,
        about,
      );
    }
    throw new TypeError("Cloudflare Access has no callback.");
  } catch (failure) {
    if (failure instanceof SignInEnded) throw failure;
    throw new SignInEnded("again", `${document.title} did not confirm who you are.`, failure);
  }
}

/** Opens the session of the person, or asks for their second factor first. */
async function enter(
  c: GatewayContext,
  provider: Provider,
  identity: FederatedIdentity,
  next: string,
): Promise<Response> {
  const { signIn } = await policyInForce(c.env);
  const userId = await admitPerson(c.env, signIn, provider, identity);
  const { mfaAt, provenAt } = identity;
  const { api } = openAuth(c.env);
  const request = {
    body: { userId, mfaAt, provenAt: provenAt ?? 0 },
    headers: c.req.raw.headers,
    returnHeaders: true,
  } as const;
  const { headers, response } =
    mfaAt === null ? await api.openChallengedSession(request) : await api.openSession(request);
  // The person may have been kept out since they were admitted.
  if ("opened" in response && !response.opened) {
    throw new SignInEnded("refused", `Your account is not active. Ask ${signIn.contact}.`);
  }
  for (const cookie of headers.getSetCookie()) c.header("Set-Cookie", cookie, { append: true });
  keepLastProvider(c, provider);
  if ("twoFactorRedirect" in response) {
    await recordEvent(c, userId, { type: "second_factor", step: "asked" });
    return c.redirect(`/sign-in/code?next=${encodeURIComponent(next)}`, 303);
  }
  await recordEvent(c, userId, { type: "sign_in", succeeded: true, provider: provider.name });
  return c.redirect(next, 303);
}

/** The provider of the address, as the policy in force has it. */
async function requireProvider(c: GatewayContext): Promise<Provider> {
  const name = c.req.param("provider") ?? "";
  const document = (await policyInForce(c.env)).signIn.providers.get(name);
  if (document === undefined) throw new SignInEnded("again", "Gatehouse has no such way to sign in.");
  return { name, document };
}

/** The client secret of a provider. `null` for a public client; GitHub has none. */
function requireSecret(env: Env, { name: provider, document }: Provider): string | null {
  const { name, value } = readProviderSecret(env, provider);
  if (value !== null || document.kind === "oidc") return value;
  const cause = new TypeError(`Secret ${name} is missing; set it with: npx wrangler secret put ${name}`);
  throw new SignInEnded("away", `${document.title} is not set up completely.`, cause);
}

async function answerEnd(c: GatewayContext, run: () => Promise<Response>): Promise<Response> {
  try {
    return await run();
  } catch (failure) {
    if (!(failure instanceof SignInEnded)) throw failure;
    const { kind, message, cause } = failure;
    if (cause !== undefined)
      logFailure("single_sign_on_ended", cause, { kind, provider: c.req.param("provider") ?? "" });
    return await refuse(c, {
      status: kind === "away" ? 503 : kind === "refused" ? 403 : 400,
      code: kind === "away" ? "unavailable" : kind === "refused" ? "forbidden" : "invalid_input",
      title: kind === "away" ? "Try again in a moment" : "You are not signed in",
      message,
      action: ACTIONS[kind],
      link: { href: "/sign-in", label: "Sign in" },
      ...(kind === "away" && { retryAfter: 30 }),
    });
  }
}

const ACTIONS: Readonly<Record<SignInEnded["kind"], string>> = {
  refused: "Another account of yours may have a role here.",
  away: "Wait a minute, then try again, or choose another way to sign in.",
  again: "Start again from the sign-in page.",
};

function callbackOf({ PUBLIC_URL }: Env, { name }: Provider): string {
  return `${PUBLIC_URL}/sign-in/with/${name}/callback`;
}

/** 256 random bits in base64url: a state, a nonce, or a PKCE verifier. */
function createToken(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
}
