const NO_TASKS =
  "It calls tools as tasks. Gatehouse runs a tool of a connection to its end; the other server's tasks are not offered.";

/**
 * Scenarios that the fixture passes alone and not behind another Gatehouse, each with the reason. None of them is required
 * of a server. A run fails when another one differs, and when a listed one does not.
 */
export const RELAYED_DIFFERENCES: Readonly<Record<string, string>> = {
  "json-schema-2020-12":
    "It looks for the tool json_schema_2020_12_tool, which the connection offers as test_json_schema_2020_12_tool: every name of a connection begins with the connection's.",
  "server-sse-polling":
    "It expects the stream of a call to be closed and resumed. How the fixture holds its stream ends at Gatehouse, which keeps the client's open.",
  "http-custom-header-server-validation":
    "It sends headers that a tool's definition asks for. A tool of a connection takes its arguments from the message alone.",
  ...Object.fromEntries(
    [
      "capability-negotiation",
      "dispatch-and-envelope",
      "lifecycle",
      "mrtr-composition",
      "mrtr-input",
      "request-headers",
      "request-state-removal",
      "required-task-error",
      "wire-fields",
    ].map((scenario) => [`tasks-${scenario}`, NO_TASKS]),
  ),
};

/** Warnings about «should» requirements that the fixture alone does not cause, each with the reason, by the check's id. */
export const RELAYED_WARNINGS: Readonly<Record<string, string>> = {
  "sep-2575-server-sends-prompts-list-changed-on-subscription":
    "A list changes with a publication, after an administrator approved the change.",
  "sep-2575-server-sends-tools-list-changed-on-subscription":
    "A list changes with a publication, after an administrator approved the change.",
};
