/** The header by which the agents library tells what a session's WebSocket is for: `GET`, or `SSE` of 2024-11-05. */
export const STREAM_HEADER = "cf-mcp-method";

/** The header in which the Worker tells a session the binding of its own namespace, so that others can reach it. */
export const BINDING_HEADER = "gatehouse-binding";
