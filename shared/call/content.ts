import type { JsonValue } from "../encoding/json.ts";

/** One item of a tool's answer or of a prompt message (MCP `ContentBlock`, the parts both generations share). */
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

/** What reading a resource gives: text, or `blob` in base64. */
export type ResourceContents =
  | { uri: string; mimeType: string; text: string; _meta?: Record<string, JsonValue> }
  | { uri: string; mimeType: string; blob: string };

/** One message of a prompt. */
export interface PromptMessage {
  role: "user" | "assistant";
  content: ContentBlock;
}
