import type { OpenapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import type { HttpOperation } from "../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { argumentsFromJsonSchema } from "../../../shared/server/json-schema-object.ts";
import { parseArguments } from "../../../shared/server/schema.ts";
import { buildRequest } from "../../../workers/connections/openapi/build-request.ts";
import { readAnswer } from "../../../workers/connections/openapi/read-answer.ts";
import { sampleInput } from "./sample-input.ts";

/** What became of one call: `ok`, or the step at which it failed. */
export type MockOutcome = { ok: true } | { ok: false; step: "arguments" | "request" | "answer"; why: string };

/** Calls an operation with sample arguments against a mock: arguments, request and answer as in production. */
export async function answerFromMock(
  operation: HttpOperation,
  entry: OpenapiEntry,
  mock: (request: Request) => Promise<Response>,
): Promise<MockOutcome> {
  let input: Record<string, JsonValue>;
  try {
    const schema = argumentsFromJsonSchema(operation.input, {}, operation.levels);
    input = parseArguments(schema, sampleInput(operation)) as Record<string, JsonValue>;
  } catch (failure) {
    return { ok: false, step: "arguments", why: textOf(failure) };
  }
  const { origin } = new URL(entry.reach.url);
  const request = buildRequest(operation, input);
  const { body } = request;
  const media = body === null || "parts" in body ? {} : { "content-type": body.media };
  const content =
    body === null
      ? null
      : "text" in body
        ? body.text
        : "parts" in body
          ? JSON.stringify(body.parts)
          : "file" in body
            ? body.file
            : "";
  const sent = new Request(`${origin}${request.target}`, {
    method: request.method,
    headers: { ...request.headers, ...media },
    body: content,
  });
  const response = await mock(sent);
  if (!response.ok)
    return { ok: false, step: "request", why: `${response.status} ${(await response.text()).slice(0, 200)}` };
  try {
    const received = {
      status: response.status,
      media: response.headers.get("content-type") ?? "",
      bytes: new Uint8Array(await response.arrayBuffer()),
      link: null,
    };
    const read = {
      list: operation.list ?? null,
      result: operation.result ?? null,
      total: operation.total ?? null,
      fields: operation.fields ?? [],
      chosen: [],
      paging: (operation.paging ?? null) as JsonValue,
      before: null,
      isGraphql: false,
      failure: null,
      names: [],
    };
    const owner = { person: "bench", masks: [], tool: operation.tool };
    const answer = readAnswer({ body, target: request.target, read, owner }, received, {
      title: entry.title,
      origin,
      credential: null,
    });
    if (operation.list !== undefined && answer.items === null)
      return { ok: false, step: "answer", why: "no list" };
    return { ok: true };
  } catch (failure) {
    return { ok: false, step: "answer", why: textOf(failure) };
  }
}

function textOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
