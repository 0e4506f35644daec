/**
 * Protocol revisions that every MCP URL speaks, newest first: the first one stateless, all others in sessions.
 * A test asks both generations and compares.
 */
export const REVISIONS = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] as const;
