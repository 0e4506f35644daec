/**
 * Scenarios that Gatehouse is known to fail, each with the reason, as `<part> <scenario>`. A run fails when one that
 * is not listed here fails, and when one that is listed here passes.
 */
export const EXPECTED_FAILURES: Readonly<Record<string, string>> = {};
