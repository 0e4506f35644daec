import { TASKS_EXTENSION } from "../../objects/task.ts";
import { VIEW_EXTENSION } from "../../server/view.ts";
import { EVENTS_EXTENSION } from "./events.ts";

/** What this software calls itself on the wire. A test keeps the version equal to the one in package.json. */
export const SERVER_INFO = { name: "gatehouse", version: "0.2.0" } as const;

/** Capabilities of both generations at every URL. */
export const CAPABILITIES = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
  extensions: { [VIEW_EXTENSION]: {} },
};

/** Additional capabilities of the stateless generation. */
export const STATELESS_CAPABILITIES = {
  ...CAPABILITIES,
  // Clients that were written before the extension was final read this member.
  events: {},
  extensions: {
    ...CAPABILITIES.extensions,
    [TASKS_EXTENSION]: {},
    [EVENTS_EXTENSION]: { listChanged: false },
  },
};
