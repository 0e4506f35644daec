/** What every API key begins with. Scanners for leaked secrets, and our own detectors, know it. */
export const KEY_PREFIX = "gatehouse_key_";

/** An API key as a regular expression: the prefix, 43 characters of secret and 6 of checksum, all base 62. */
export const KEY_PATTERN = `${KEY_PREFIX}[0-9A-Za-z]{49}`;
