/** Syslog severities (RFC 5424), as MCP logging uses them. */
export type LogLevel = "debug" | "info" | "notice" | "warning" | "error" | "critical" | "alert" | "emergency";
