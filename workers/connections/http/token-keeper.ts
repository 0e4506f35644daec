/** An access token of the connection's own. */
export interface AccessToken {
  text: string;
  /** Milliseconds since the epoch. */
  endsAt: number;
}

/** Milliseconds before its end at which a token is not used any more: a request takes time. */
const EARLY_MS = 30_000;

/**
 * Keeps one token of a connection in the memory of its object. Calls that need one at the same moment wait for one
 * request.
 */
export class TokenKeeper {
  #current: Promise<AccessToken> | undefined;

  /**
   * The token, or a new one.
   *
   * @param refused - the token that the other system has just refused; only that one is replaced
   */
  async take(fetchToken: () => Promise<AccessToken>, refused: string | null): Promise<string> {
    const known = this.#current;
    if (known !== undefined) {
      const token = await known.catch(() => null);
      if (token !== null && token.text !== refused && token.endsAt - EARLY_MS > Date.now()) return token.text;
      // Another call may have replaced it while this one waited.
      if (this.#current !== known) return await this.take(fetchToken, refused);
    }
    const fetching = fetchToken();
    this.#current = fetching;
    return (await fetching).text;
  }
}
