/**
 * Scenarios that Gatehouse is known to fail, each with the reason, as `<part> <scenario>`. A run fails when one that
 * is not listed here fails, and when one that is listed here passes.
 */
export const EXPECTED_FAILURES: Readonly<Record<string, string>> = {};

/** Warnings of «should» requirements that Gatehouse is known to get, each with the reason, by the check's id. */
export const EXPECTED_WARNINGS: Readonly<Record<string, string>> = {};
