import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { logFailure } from "../../../shared/observe/log.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import type { Provider } from "./identity.ts";

type GatewayContext = Context<{ Bindings: Env }>;

/** Names the provider of this browser's last sign-in. Chooses among the policy's providers only. */
const LAST_PROVIDER = "gatehouse-provider";
/** Seconds that a browser remembers it. */
const REMEMBERED = 180 * 24 * 60 * 60;

/** Remembers on this browser with which provider its person signed in. */
export function keepLastProvider(c: GatewayContext, { name }: Provider): void {
  const secure = c.env.PUBLIC_URL.startsWith("https://");
  setCookie(c, LAST_PROVIDER, name, {
    path: "/",
    httpOnly: true,
    sameSite: "Lax",
    secure,
    maxAge: REMEMBERED,
  });
}

/** The provider of this browser's last sign-in, if the policy has it still. */
export async function findLastProvider(c: GatewayContext): Promise<Provider | null> {
  const name = getCookie(c, LAST_PROVIDER) ?? "";
  const document = (await policyInForce(c.env)).signIn.providers.get(name);
  return document === undefined ? null : { name, document };
}

/** Where a person signs out of the provider too, and what it is called; `null` if it offers no way. */
export async function findSignOut(
  c: GatewayContext,
  provider: Provider | null,
): Promise<{ title: string; url: string } | null> {
  if (provider === null) return null;
  const { document } = provider;
  const { title } = document;
  if (document.kind === "access") return { title, url: `${document.team}/cdn-cgi/access/logout` };
  if (document.kind === "github") return null;
  try {
    const url = await (await import("./oidc.ts")).endSessionAt({ ...provider, document }, c.env.PUBLIC_URL);
    return url === null ? null : { title, url };
  } catch (failure) {
    logFailure("single_sign_out_failed", failure, { provider: provider.name });
    return null;
  }
}
