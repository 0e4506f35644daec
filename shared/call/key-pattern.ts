/** What every API key begins with. Scanners for leaked secrets, and our own detectors, know it. */
export const KEY_PREFIX = "gatehouse_key_";

/** An API key as a regular expression: the prefix, 43 characters of secret and 6 of checksum, all base 62. */
export const KEY_PATTERN = `${KEY_PREFIX}[0-9A-Za-z]{49}`;

/** What every access token of a service account begins with. */
export const SERVICE_TOKEN_PREFIX = "gatehouse_token_";

/** Such a token as a regular expression: the prefix, and a sealed text with the version of its key. */
export const SERVICE_TOKEN_PATTERN = `${SERVICE_TOKEN_PREFIX}[1-9][0-9]{0,5}\\.[\\w-]{16}\\.[\\w-]{22,4000}`;
