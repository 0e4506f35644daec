import type { Credential } from "../http/credential.ts";

/** Most characters of a token, and of the cookies that belong to it. */
const MOST_OF_TOKEN = 500;
const MOST_OF_COOKIES = 8_000;

/**
 * The token that a system wants with every request that changes something, against forged requests of browsers (SAP:
 * `x-csrf-token: fetch`). It belongs to a session of the other system, whose cookies go along; both belong to one
 * session of ours, and to no account but the one that got them.
 */
export class WriteToken {
  readonly #url: URL;
  readonly #credential: Credential;
  #known: { account: string; headers: Readonly<Record<string, string>> } | undefined;

  /** @param url - what is read to get a token: the root of the service */
  constructor(url: URL, credential: Credential) {
    this.#url = url;
    this.#credential = credential;
  }

  /**
   * The headers of a write. Asks for a token on first use, for another account, or again when the last one was refused.
   *
   * @param account - see {@link Credential.send}
   */
  async headers(
    ask: typeof fetch,
    account: string,
    isRefused: boolean,
  ): Promise<Readonly<Record<string, string>>> {
    if (this.#known?.account !== account || isRefused) this.#known = await this.#fetch(ask);
    // The account may have changed in between; without a token the write's own refusal says so.
    return this.#known?.account === account ? this.#known.headers : {};
  }

  async #fetch(ask: typeof fetch): Promise<{ account: string; headers: Record<string, string> } | undefined> {
    const init = {
      method: "GET",
      headers: new Headers({
        "x-csrf-token": "fetch",
        accept: "application/json",
        "user-agent": "Gatehouse",
      }),
    };
    let account = "";
    const response = await this.#credential.send(ask, this.#url, init, false, async (used) => {
      account = used;
      return {};
    });
    await response.body?.cancel();
    const token = response.headers.get("x-csrf-token") ?? "";
    // Without a token the write is sent as it is, and its own refusal says why.
    if (!response.ok || token === "" || token.length > MOST_OF_TOKEN) return undefined;
    const cookies = response.headers.getSetCookie().flatMap((cookie) => {
      const [pair = ""] = cookie.split(";");
      return /^[\x21-\x7e]+=[\x20-\x3a\x3c-\x7e]*$/.test(pair) ? [pair] : [];
    });
    const joined = cookies.join("; ");
    const cookie = joined !== "" && joined.length <= MOST_OF_COOKIES ? { cookie: joined } : {};
    return { account, headers: { "x-csrf-token": token, ...cookie } };
  }
}

/** Whether a refusal says that the token is missing or has ended: nothing has happened at the other side. */
export function isTokenRefused({ status, headers }: Response): boolean {
  return status === 403 && headers.get("x-csrf-token")?.toLowerCase() === "required";
}
