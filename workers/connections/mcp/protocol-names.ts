/**
 * Names of MCP and JSON Schema that stay where the secret of a connection is such a word: members, and values of `type` and
 * `role`. Shorter ones are no secrets.
 */
export const PROTOCOL_NAMES: ReadonlySet<string> = new Set(
  `resource resource_link template assistant contents messages structuredContent mimeType description annotations
  completion requestedSchema elicitationId systemPrompt maxTokens temperature stopSequences audience priority lastModified
  definitions arguments inputSchema outputSchema readOnlyHint destructiveHint idempotentHint openWorldHint resultType
  properties required additionalProperties patternProperties propertyNames minLength maxLength minItems maxItems uniqueItems
  exclusiveMinimum exclusiveMaximum multipleOf prefixItems contains minProperties maxProperties dependentRequired
  dependentSchemas unevaluatedProperties unevaluatedItems readOnly writeOnly deprecated examples enumNames contentEncoding
  contentMediaType io.modelcontextprotocol/trust-annotations sensitive untrusted`.split(/\s+/),
);
