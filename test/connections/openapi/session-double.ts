import { afterEach, vi } from "vitest";
import type { z } from "zod";
import type { openapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { buildRequest } from "../../../workers/connections/openapi/build-request.ts";
import { explainFailure, HttpSession } from "../../../workers/connections/openapi/session.ts";
import { pet, petsEntry } from "./pets.ts";

type EntryInput = Partial<z.input<typeof openapiEntry>>;

/** A request as the other system got it. */
interface Seen {
  url: string;
  method: string;
  headers: Record<string, string>;
  body: string;
}

export const env = { PLAIN_HTTP_UPSTREAMS: "" } as Env;
export const seen: Seen[] = [];

afterEach(() => {
  seen.length = 0;
  vi.restoreAllMocks();
});

/** Answers every request with what `answer` gives for its number. */
export function serve(answer: (request: Seen, number: number) => Response): void {
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    const body = await request.text();
    const one = {
      url: request.url,
      method: request.method,
      headers: Object.fromEntries(request.headers),
      body,
    };
    seen.push(one);
    return answer(one, seen.length);
  });
}

export function json(value: JsonValue, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

export const memory = new Map<string, unknown>();

/** One call through a session, as the connection's object makes it. */
export async function call(
  name: string,
  input: Record<string, JsonValue>,
  more: EntryInput = {},
  secret: string | null = "s3cret",
  reads: Record<string, JsonValue> = {},
) {
  const entry = petsEntry(more);
  const operation = pet(name, more);
  const target = { name: "pets", revision: "r", entry };
  const session = new HttpSession(env, target, secret, memory);
  const read = {
    list: operation.list ?? null,
    fields: [],
    paging: (operation.paging ?? null) as JsonValue,
    isGraphql: false,
    failure: null,
    names: operation.arguments.map((one) => one.name),
    ...reads,
  };
  const asked = { ...buildRequest(operation, input), read, traceId: "0".repeat(32), tokenId: "" };
  const request = {
    id: "1",
    operation: "request",
    arguments: asked as unknown as Record<string, JsonValue>,
    identity: {},
    timeoutMs: 5_000,
    repeatable: true,
    note: "",
  };
  return (await session.run(target, request, 5_000)) as {
    items: JsonValue[] | null;
    result: JsonValue;
    next: JsonValue;
  };
}

export async function refusal(work: Promise<unknown>) {
  const failure = await work.then(
    () => null,
    (error: unknown) => error,
  );
  return explainFailure(failure);
}
