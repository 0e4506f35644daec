import { env } from "cloudflare:workers";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { compileSignIn, type SignInDocument } from "../../shared/policy/sign-in/sign-in.ts";
import type { TestBrowser } from "./oauth.ts";

const bindings = env as unknown as Record<
  "TEST_ISSUER" | "TEST_HOSTILE_ISSUER" | "TEST_ROTATING_ISSUER",
  string
>;

/** The issuer of the tests: `oidc-provider`. */
export const ISSUER = bindings.TEST_ISSUER;
/** The issuer that does what it is told. */
export const HOSTILE = bindings.TEST_HOSTILE_ISSUER;
/** Another one, whose keys a test changes. */
export const ROTATING = bindings.TEST_ROTATING_ISSUER;

/** Rules that give roles by the groups of the test issuer. */
export const GROUP_RULES = [
  { role: "admin", when: { groups: ["gatehouse-admins"] } },
  { role: "sales", when: { groups: ["gatehouse-sales"] } },
];

/** The test issuer as a provider. */
export const CORP = {
  kind: "oidc" as const,
  title: "Corp",
  issuer: ISSUER,
  client_id: "gatehouse",
  scopes: ["profile", "email", "groups"],
  domains: ["corp.example"],
  roles: GROUP_RULES,
};

/** A person as the database has them, by their address. */
export const findPerson = (email: string) =>
  env.PLATFORM_DB.prepare(`SELECT "id", "email", "role", "name", "disabled" FROM "user" WHERE "email" = ?`)
    .bind(email)
    .first<{ id: string; email: string; role: string; name: string; disabled: number }>();

/** Replaces how people sign in. Applies to the rest of the test file. */
export function setSignIn(section: SignInDocument): void {
  Object.assign(bundledPolicy(), { signIn: compileSignIn(section) });
}

/** Begins a sign-in. Returns the address at the issuer. */
export async function begin(browser: TestBrowser, provider: string, query = "next=%2Faccount"): Promise<URL> {
  const response = await browser.get(`/sign-in/with/${provider}?${query}`);
  if (response.status !== 303) throw new Error(`Not begun: ${response.status} ${await response.text()}`);
  return new URL(response.headers.get("Location") ?? "");
}

/** What a person does at the test issuer. */
export interface Login {
  login: string;
  /** Gives a second factor there. */
  code?: boolean;
}

/** Signs in at the test issuer. Returns the address of ours to which it leads back. */
export async function logIn(
  at: URL,
  { login, code = false }: Login,
  cookies = new Map<string, string>(),
): Promise<string> {
  const ask = async (url: URL, body?: string) => {
    const response = await fetch(url, {
      redirect: "manual",
      headers: {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        ...(body !== undefined && { "content-type": "application/x-www-form-urlencoded" }),
      },
      ...(body !== undefined && { method: "POST", body }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "" || /expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  };
  let url = at;
  for (let step = 0; step < 10; step++) {
    const isForm = url.pathname.startsWith("/login/");
    const body = `login=${login}${code ? "&code=on" : ""}`;
    const response = await ask(url, isForm ? body : undefined);
    const location = response.headers.get("location");
    if (location === null) throw new Error(`The issuer stops: ${response.status} ${await response.text()}`);
    url = new URL(location, url);
    if (url.origin === env.PUBLIC_URL) return `${url.pathname}${url.search}`;
  }
  throw new Error("The issuer never leads back.");
}

/** The whole sign-in with a provider at the test issuer. Returns our answer to the callback. */
export async function signInWith(
  browser: TestBrowser,
  login: Login,
  query?: string,
  cookies?: Map<string, string>,
): Promise<Response> {
  return await browser.get(await logIn(await begin(browser, "corp", query), login, cookies));
}

/** Changes what the test issuer says about a login. */
export async function setPerson(login: string, claims: Record<string, unknown>): Promise<void> {
  await fetch(`${ISSUER}/people/${login}`, { method: "POST", body: JSON.stringify(claims) });
}

/** A token that the hostile issuer signs for anything. */
export async function signToken(forgery: unknown, host = HOSTILE): Promise<string> {
  const response = await fetch(`${host}/sign`, { method: "POST", body: JSON.stringify(forgery) });
  return (await response.json<{ token: string }>()).token;
}
