import { TASKS_EXTENSION } from "../../objects/task.ts";
import { VIEW_EXTENSION } from "../../server/view.ts";

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
  extensions: { ...CAPABILITIES.extensions, [TASKS_EXTENSION]: {} },
};
