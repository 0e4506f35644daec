/**
 * Scenarios that Gatehouse is known to fail, each with the reason, as `<part> <scenario>`. A run fails when a
 * scenario that is not listed here fails, and when a listed one passes.
 */
export const EXPECTED_FAILURES: Readonly<Record<string, string>> = {};

/** Known warnings about «should» requirements, each with the reason, by the check's id. */
export const EXPECTED_WARNINGS: Readonly<Record<string, string>> = {
  "sep-2322-ignore-unexpected-params":
    "The scenario sends answers without the state of a question. Only answers to what was asked count, so Gatehouse asks.",
};
