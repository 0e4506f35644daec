/**
 * A `notifications/progress` of both generations (MCP 2025-11-25, «Progress»). `total` and `message` may be
 * unknown.
 */
export function progressOf(
  progressToken: string | number,
  progress: number,
  total: number | undefined,
  message: string | undefined,
) {
  const extent = { ...(total !== undefined && { total }), ...(message && { message }) };
  return { method: "notifications/progress" as const, params: { progressToken, progress, ...extent } };
}
