/**
 * Protocol revisions of every MCP URL, newest first: the first is stateless, all others use sessions. A test
 * compares them with the revisions of both SDKs.
 */
export const REVISIONS = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] as const;
