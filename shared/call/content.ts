import type { JsonValue } from "../encoding/json.ts";

/**
 * One content block of a tool result or prompt message (MCP `ContentBlock`, the members that both generations
 * share).
 */
export type ContentBlock =
  | { type: "text"; text: string }
  | { type: "image"; data: string; mimeType: string }
  | { type: "audio"; data: string; mimeType: string }
  | {
      type: "resource_link";
      uri: string;
      name: string;
      title?: string;
      description?: string;
      mimeType?: string;
    }
  | { type: "resource"; resource: ResourceContents };

/** Contents of a resource: `text`, or `blob` in base64. */
export type ResourceContents =
  | { uri: string; mimeType: string; text: string; _meta?: Record<string, JsonValue> }
  | { uri: string; mimeType: string; blob: string };

/** One message of a prompt. */
export interface PromptMessage {
  role: "user" | "assistant";
  content: ContentBlock;
}
