import type { Revision } from "./suite.ts";

/**
 * Required scenarios that Gatehouse is known to fail, each with the reason. A run fails when one that is not listed
 * here fails, and when one that is listed here passes.
 */
export const EXPECTED_FAILURES: Readonly<Record<Revision, Readonly<Record<string, string>>>> = {
  "2025-11-25": {},
  "2026-07-28": {},
};
