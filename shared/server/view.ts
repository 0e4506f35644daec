import type { JsonValue } from "../encoding/json.ts";
import type { ResourceDefinition } from "./define.ts";

/** The extension of interactive views (SEP-1865, MCP Apps, revision 2026-01-26). */
export const VIEW_EXTENSION = "io.modelcontextprotocol/ui";

/** The only view type of that revision. */
export const VIEW_TYPE = "text/html;profile=mcp-app";

/**
 * What a view may reach (SEP-1865, «UI Resource Format»): nothing. Its HTML names the same policy, with
 * hashes.
 */
const VIEW_META = { ui: { csp: { connectDomains: [], resourceDomains: [] }, prefersBorder: true } };

/** Input of `defineView`; the URI is `ui://<server>/<name>`. */
export interface ViewDefinition {
  /** `<server>_<noun>`: the name in policies and the audit trail. */
  name: string;
  title: string;
  description: string;
  uri: `ui://${string}`;
  scope: string;
  /** A complete document, built by `npm run views` from `workers/<server>/view/<name>.ts`. */
  html: string;
}

/**
 * Declares a view: a resource in which a client with MCP Apps shows a tool's result. Add it to the server's
 * `resources`, and name it as `view` of each tool whose result it shows. It receives that result and nothing
 * else; clients without the extension show the result as text.
 */
export function defineView<Store>({ html, ...view }: ViewDefinition): ResourceDefinition<Store> {
  return {
    ...view,
    mimeType: VIEW_TYPE,
    fixed: true,
    meta: VIEW_META,
    read: async ({ uri }) => [{ uri, mimeType: VIEW_TYPE, text: html, _meta: VIEW_META }],
  };
}

/** Whether a client declares support for views of this type (SEP-1865, «Capability Negotiation»). */
export function showsViews(abilities: { extensions?: unknown } | undefined): boolean {
  const { [VIEW_EXTENSION]: declared } = (abilities?.extensions ?? {}) as Record<string, unknown>;
  const { mimeTypes } = (declared ?? {}) as { mimeTypes?: unknown };
  return Array.isArray(mimeTypes) && mimeTypes.includes(VIEW_TYPE);
}

/** A tool's `_meta` that names its view. */
export function viewMeta(uri: string): { _meta: { [key: string]: JsonValue } } {
  return { _meta: { ui: { resourceUri: uri } } };
}
