import type { MiddlewareHandler } from "hono";
import { refuseManyForms } from "../limits/limit-person.ts";
import { owesFactor, pathToFactor } from "../second-factor/requirement.ts";
import { readSignIn, type SignIn } from "./auth.ts";

/** What a route behind {@link requirePerson} knows, as `c.var.signIn`. */
export type SignedIn = { Bindings: Env; Variables: { signIn: SignIn } };

/**
 * Lets a signed-in, active person through who gave their second factor, if they have one. Everybody else is sent to do
 * what is missing, and comes back to the page that they asked for; after a form to `page`. Forms are counted by session and person.
 *
 * @param page - the page with the form, where that is at another address
 */
export function requirePerson(page?: string): MiddlewareHandler<SignedIn> {
  return async (c, next) => {
    const signIn = await readSignIn(c.env, c.req.raw.headers);
    if (signIn === null)
      return c.redirect(`/sign-in?next=${encodeURIComponent(addressOf(c.req, page))}`, 303);
    if (owesFactor(signIn)) return c.redirect(pathToFactor("code", addressOf(c.req, page)), 303);
    const refused = await refuseManyForms(c, signIn);
    if (refused !== null) return refused;
    c.set("signIn", signIn);
    return await next();
  };
}

/** Where a person goes on who had to do something else first: the page of a request. */
export function addressOf(
  { method, path, url }: Pick<Request, "method" | "url"> & { path: string },
  page = path,
): string {
  return method === "GET" ? `${path}${new URL(url).search}` : page;
}
