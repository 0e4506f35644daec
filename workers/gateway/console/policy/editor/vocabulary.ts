import type { Known } from "../../../../../shared/policy/changes/known.ts";
import { RIGHT_NAMES } from "../../../../../shared/policy/console.ts";
import schema from "../../../../../shared/policy/policy.schema.json" with { type: "json" };

/** What the editor offers: the schema of a policy, and the names that this deployment has. */
export function listVocabulary({ subjects, scopes }: Known, roles: readonly string[]) {
  const named = (kind: string) => [
    ...new Set(subjects.filter((subject) => subject.kind === kind).map(({ name }) => name)),
  ];
  const [tools, resources, prompts, events] = ["tool", "resource", "prompt", "event"].map(named);
  return {
    schema,
    names: {
      /** Keys of maps that the schema leaves open, by the path of the map. */
      keys: { roles, tool_limits: tools },
      /** Values of a field, by its name. */
      values: {
        allowed_tools: tools,
        denied_tools: tools,
        approves: tools,
        tools,
        allowed_resources: resources,
        denied_resources: resources,
        allowed_prompts: prompts,
        denied_prompts: prompts,
        allowed_events: events,
        denied_events: events,
        scopes,
        console: RIGHT_NAMES,
        role: roles,
        default_role: roles,
      },
    },
  };
}
