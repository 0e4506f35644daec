import { type Context, Hono } from "hono";
import { refuse } from "../failures.tsx";
import { countOwnKeys } from "../keys/own-keys.ts";
import { limitVisitors } from "../limits/limit-address.ts";
import { getOAuthServers } from "../oauth/oauth.ts";
import { listPasskeys } from "../passkeys/own-passkeys.ts";
import { readForm } from "../read-form.ts";
import { recordEvent } from "../record-event.ts";
import { PASSWORD_LENGTH } from "../sign-in/auth.ts";
import { whomToAsk } from "../whom-to-ask.ts";
import { ChoosePage, ChosenPage, type LeftAfterReset } from "./password-page.tsx";
import { readLink, useLink } from "./use-link.ts";

type GatewayContext = Context<{ Bindings: Env }>;

/** Requests per address and minute: a person needs two, and a company's people may share an address. */
const REQUESTS_PER_MINUTE = 60;

/**
 * `/password`: where the link of an invitation or a reset leads. Opening it uses nothing up, because programs that scan
 * mail open links too; sending the form does.
 */
export const passwordLinkRoutes = new Hono<{ Bindings: Env }>();

passwordLinkRoutes.use(
  "/password",
  limitVisitors(
    { what: "password-link", limit: REQUESTS_PER_MINUTE, windowMs: 60_000 },
    {
      message: "Too many links are being opened from this address.",
      action: "Wait a minute, then try again.",
    },
  ),
);

passwordLinkRoutes.get("/password", async (c) => {
  const token = c.req.query("link") ?? "";
  const link = await readLink(c.env, token);
  return link === null ? await refuseLink(c) : c.html(<ChoosePage link={link} token={token} />);
});

passwordLinkRoutes.post("/password", async (c) => {
  const form = await readForm(c.req.raw);
  const token = form.get("link") ?? "";
  const chosen = form.get("new") ?? "";
  const link = await readLink(c.env, token);
  if (link === null) return await refuseLink(c);
  if (chosen.length < PASSWORD_LENGTH.min || chosen.length > PASSWORD_LENGTH.max) {
    const error = `The password must have ${PASSWORD_LENGTH.min} to ${PASSWORD_LENGTH.max} characters.`;
    return c.html(<ChoosePage link={link} token={token} error={error} />, 422);
  }
  if (!(await useLink(c.env.PLATFORM_DB, token, chosen))) return await refuseLink(c);
  await recordEvent(c, link.userId, { type: "password_change", succeeded: true, link: link.kind });
  return c.html(<ChosenPage left={link.kind === "reset" ? await findLeft(c.env, link.userId) : null} />);
});

/** What the reset leaves, because it is the person's or may be: another person may have added it. `null` for nothing. */
async function findLeft(env: Env, userId: string): Promise<LeftAfterReset | null> {
  const oauth = (await getOAuthServers(env)).authorizationServer.getOAuthApi(env);
  const left = {
    passkeys: (await listPasskeys(env.PLATFORM_DB, userId)).length,
    apps: (await oauth.listUserGrants(userId, { limit: 100 })).items.length,
    keys: await countOwnKeys(env.PLATFORM_DB, userId),
  };
  return left.passkeys + left.apps + left.keys > 0 ? left : null;
}

/** One answer for a link that was used, has ended, or never was, and for a person who is kept out. */
async function refuseLink(c: GatewayContext): Promise<Response> {
  return await refuse(c, {
    status: 404,
    code: "not_found",
    title: "This link does not work",
    message:
      "A link works once, and only for some days. This one was used, has ended, or was not copied whole.",
    action: `Ask ${await whomToAsk(c.env)} for another one.`,
    link: { href: "/sign-in", label: "Sign in" },
  });
}
