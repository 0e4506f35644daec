/**
 * The module `whatwg-url` of the MongoDB driver (`alias` in wrangler.toml): the runtime has both classes. The stand-in that
 * wrangler has for it makes every build warn of a default export that it lacks.
 */
const { URL: Address, URLSearchParams: Parameters } = globalThis as unknown as {
  URL: typeof URL;
  URLSearchParams: typeof URLSearchParams;
};

export { Address as URL, Parameters as URLSearchParams };
