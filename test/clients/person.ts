import { Browser, findForm, type Page, type Redirect, readText } from "../../scripts/demo/browser.ts";
import { DEMO_PASSWORD, DEMO_PEOPLE } from "../../scripts/seed/people.ts";

/**
 * Acts as the user whose browser an app opens at an authorization URL: signs in through the form, ticks every
 * permission that `permits` accepts, and allows. Returns the redirect URL, with the code in it.
 */
export async function allowEverything(
  authorizationUrl: URL,
  role = "admin",
  permits: (scope: string) => boolean = () => true,
): Promise<URL> {
  const email = DEMO_PEOPLE.find((person) => person.role === role)?.email ?? "";
  const browser = new Browser();
  const signInPage = await openPage(browser, await follow(browser, authorizationUrl.href));
  const signIn = findForm(signInPage, "password");
  const typed: Record<string, string> = { email, password: DEMO_PASSWORD };
  const signedIn = await browser.send(
    signIn,
    signIn.fields.map(([name, value]) => [name, typed[name] ?? value]),
  );
  const consentPage = await openPage(browser, redirectOf(signedIn));
  const consent = findForm(consentPage, "handle");
  const ticks = consent.boxes
    .filter(({ value }) => permits(value))
    .map(({ name, value }): [string, string] => [name, value]);
  const allowed = await browser.send(consent, [...consent.fields, ...ticks, ["decision", "allow"]]);
  return new URL(redirectOf(allowed));
}

async function follow(browser: Browser, url: string): Promise<string> {
  return redirectOf(await browser.open(url));
}

async function openPage(browser: Browser, url: string): Promise<Page> {
  const answer = await browser.open(url);
  if ("location" in answer) throw new Error(`${url} led on to ${answer.location}.`);
  return answer;
}

function redirectOf(answer: Page | Redirect): string {
  if ("location" in answer) return answer.location;
  throw new Error(`A redirect was expected. The page says: ${readText(answer)}`);
}
