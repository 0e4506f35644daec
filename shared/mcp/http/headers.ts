/** Header with the sealed id of a session (MCP 2025-11-25, «Session Management»). */
export const SESSION_HEADER = "mcp-session-id";

/**
 * Header in which the agents library names the purpose of a session's WebSocket: `GET`, or `SSE` of
 * 2024-11-05.
 */
export const STREAM_HEADER = "cf-mcp-method";

/**
 * Header in which the Worker names the session's namespace binding, so that other objects can reach the
 * session.
 */
export const BINDING_HEADER = "gatehouse-binding";
