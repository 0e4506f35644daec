import { type Schema, Validator } from "@cfworker/json-schema";
import { isRecord } from "../../../shared/encoding/is-record.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { checkableSchema } from "../../../shared/server/loosen-schema.ts";
import { readAnswer, tryPart } from "../../connections/openapi/describe-answer.ts";
import { type Part, SchemaBundle } from "../../connections/openapi/local-references.ts";
import { sampleValue } from "./sample-value.ts";

/** One operation of the document as the mock serves it. */
interface Route {
  method: string;
  pattern: RegExp;
  literals: number;
  operation: Part;
  shared: readonly JsonValue[];
}

/**
 * An HTTP API that answers as a document describes: 404 for a path that it does not name, 400 for a request
 * without a required parameter or with a body that does not fit, and otherwise a sample of the answer.
 *
 * @param base - path of the address in front of the document's paths
 */
export function mockApi(document: Part, base: string): (request: Request) => Promise<Response> {
  const routes = readRoutes(document);
  return async (request) => {
    const url = new URL(request.url);
    if (!url.pathname.startsWith(base)) return json(404, { message: "no such path" });
    const found = routes.find(
      ({ method, pattern }) =>
        method === request.method && pattern.test(url.pathname.slice(base.length) || "/"),
    );
    if (found === undefined) return json(404, { message: "no such operation" });
    const fault = await findFault(document, found, url, request);
    if (fault !== null) return json(400, { message: fault });
    const { schema } = readAnswer(document, found.operation);
    return schema === null
      ? new Response(null, { status: 204 })
      : json(200, sampleValue(document, schema as JsonValue));
  };
}

function readRoutes(document: Part): Route[] {
  const routes = Object.entries((isRecord(document.paths) ? document.paths : {}) as Part).flatMap(
    ([template, raw]) => {
      const item = tryPart(document, raw) ?? {};
      const path = template.replace(/#.*$/, "");
      const parts = path.split(/\{[^{}]+\}/).map((part) => part.replace(/[\\^$.|?+()[\]{}*]/g, "\\$&"));
      return ["get", "head", "post", "put", "patch", "delete"].flatMap((method): Route[] => {
        const operation = tryPart(document, item[method]);
        if (operation === null || Object.keys(operation).length === 0) return [];
        const shared = Array.isArray(item.parameters) ? item.parameters : [];
        const pattern = new RegExp(`^${parts.join("[^/]+")}$`);
        return [
          { method: method.toUpperCase(), pattern, literals: parts.join("").length, operation, shared },
        ];
      });
    },
  );
  // The most exact path first: `/users/me` before `/users/{id}`.
  return routes.sort((one, other) => other.literals - one.literals);
}

async function findFault(document: Part, route: Route, url: URL, request: Request): Promise<string | null> {
  const own = Array.isArray(route.operation.parameters) ? route.operation.parameters : [];
  for (const raw of [...route.shared, ...own]) {
    const { in: place, name, required, style } = tryPart(document, raw) ?? {};
    if (required !== true || typeof name !== "string") continue;
    const hasQuery =
      url.searchParams.has(name) ||
      (style === "deepObject" && url.search.includes(`${encodeURIComponent(name)}[`)) ||
      isExploded(document, raw, url);
    if (place === "query" && !hasQuery) return `query ${name}`;
  }
  const body = tryPart(document, route.operation.requestBody);
  const text = await request.text();
  if (body === null) return null;
  if (text === "") return body.required === true ? "body" : null;
  const media = request.headers.get("content-type") ?? "";
  const content = Object.entries((isRecord(body.content) ? body.content : {}) as Part).find(([name]) =>
    /json/i.test(name),
  );
  if (!/json/i.test(media) || content === undefined) return null;
  const bundle = new SchemaBundle(document, 40);
  const schema = bundle.add(tryPart(document, content[1])?.schema);
  const whole = { ...(isRecord(schema) ? (schema as Part) : {}), $defs: bundle.defs };
  const { valid, errors } = new Validator(checkableSchema(whole) as Schema, "2020-12", true).validate(
    JSON.parse(text),
  );
  return valid ? null : `body ${errors[0]?.instanceLocation} ${errors[0]?.error}`;
}

/** An object in the query gives its members as parameters of their own. */
function isExploded(document: Part, raw: JsonValue, url: URL): boolean {
  const schema = tryPart(document, tryPart(document, raw)?.schema);
  return (
    isRecord(schema?.properties) && Object.keys(schema.properties).some((name) => url.searchParams.has(name))
  );
}

function json(status: number, value: JsonValue): Response {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json" } });
}
