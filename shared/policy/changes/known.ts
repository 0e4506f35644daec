import type { ReadLabel } from "../../call/flow-labels.ts";
import { createCatalogue } from "../../server/catalogue.ts";
import type { ServerDefinition } from "../../server/define.ts";
import type { JsonSchema } from "../../server/schema.ts";
import type { DecisionSubject } from "../decide.ts";

/** A subject of policy rules. `input` is the JSON Schema of a tool's arguments. */
export interface KnownSubject extends DecisionSubject {
  /** Title for people, in addition to the name. */
  title?: string;
  input: JsonSchema | null;
  /** What its answers bring to the model. */
  reads: readonly ReadLabel[];
}

/** Everything that servers offer, and every scope they declare. */
export interface Known {
  subjects: readonly KnownSubject[];
  scopes: readonly string[];
  /** Connections whose tools are made at publication: what begins with their name is not known here. */
  defined?: readonly string[];
}

/** What these servers offer. Runs no code of theirs. */
export function listKnown(servers: readonly ServerDefinition[]): Known {
  // A role may be given the tools that find others before a connection brings any.
  const searched = servers.map((server) => ({ ...server, searched: { pinned: [] } }));
  const { tools, resources, templates, prompts, events } = createCatalogue("", "", searched);
  const entries = [
    ...tools.values(),
    ...resources.values(),
    ...templates,
    ...prompts.values(),
    ...events.values(),
  ];
  return {
    subjects: entries.map(({ subject: { kind, name, scope, effect, reads, sends }, listed }) => {
      const input = (listed.inputSchema as JsonSchema | undefined) ?? null;
      return { kind, name, title: String(listed.title ?? name), scope, effect, reads, sends, input };
    }),
    scopes: servers.flatMap((server) => Object.keys(server.scopes)),
  };
}
