import { PASSWORD, type TestBrowser } from "./oauth.ts";
import { showCode } from "./totp.ts";

/** Path of the page where a user sets up the second factor and turns it off. */
export const PLACE = "/account/second-factor";

/** Result of setting up a second factor. */
export interface Enrolment {
  /** Base32, in groups of four. */
  secret: string;
  /** The code that confirmed it, which cannot be used again. */
  used: string;
  codes: string[];
  /** The page with the secret. */
  page: string;
}

/** Sets up a second factor on the pages, as a signed-in user. */
export async function enrol(browser: TestBrowser): Promise<Enrolment> {
  await browser.post(`${PLACE}/start`, { password: PASSWORD });
  const page = await (await browser.get(PLACE)).text();
  const secret = /<pre class="secret"[^>]*>([^<]+)<\/pre>/.exec(page)?.[1]?.trim() ?? "";
  const used = await showCode(secret);
  const done = await browser.post(`${PLACE}/confirm`, { code: used });
  const codes = [...(await done.text()).matchAll(/<li><code>([^<]+)<\/code>/g)].map(([, code]) => code ?? "");
  return { secret, used, codes, page };
}
