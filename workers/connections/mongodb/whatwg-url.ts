/**
 * The module `whatwg-url` of the MongoDB driver (`alias` in wrangler.toml): the runtime has both classes. The stand-in that
 * wrangler has for it makes every build warn of a default export that it lacks.
 */
export const { URL, URLSearchParams } = globalThis;
