import { PASSWORD, type TestBrowser } from "./oauth.ts";
import { showCode } from "./totp.ts";

/** Where a person sets the second factor up and turns it off. */
export const PLACE = "/account/second-factor";

/** What a person has after setting a second factor up. */
export interface Enrolment {
  /** Base32, in groups of four. */
  secret: string;
  /** The code that confirmed it: it counts no more. */
  used: string;
  codes: string[];
  /** The page that showed the secret. */
  page: string;
}

/** Sets a second factor up as the pages let a signed-in person do it. */
export async function enrol(browser: TestBrowser): Promise<Enrolment> {
  await browser.post(`${PLACE}/start`, { password: PASSWORD });
  const page = await (await browser.get(PLACE)).text();
  const secret = /<pre class="secret"[^>]*>([^<]+)<\/pre>/.exec(page)?.[1]?.trim() ?? "";
  const used = await showCode(secret);
  const done = await browser.post(`${PLACE}/confirm`, { code: used });
  const codes = [...(await done.text()).matchAll(/<li><code>([^<]+)<\/code>/g)].map(([, code]) => code ?? "");
  return { secret, used, codes, page };
}
