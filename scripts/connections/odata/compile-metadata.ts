import type { OpenapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import type { HttpOperation } from "../../../shared/connections/operations.ts";
import { type Compiled, compileDocument } from "../openapi/compile-document.ts";
import type { ODataService } from "./read-metadata.ts";
import { describeService } from "./to-openapi.ts";

/**
 * Makes the definitions of an OData service: as an OpenAPI document first, so that selection, names, arguments and
 * bounds are those of every HTTP API, then with what OData says besides: literals, lists and next pages.
 */
export function compileMetadata(connection: string, service: ODataService, entry: OpenapiEntry): Compiled {
  const { document, lists, literals } = describeService(service);
  const compiled = compileDocument(connection, document, entry);
  const [place, next] = service.version === 2 ? ["d.results", "d.__next"] : ["value", "@odata.nextLink"];
  const operations = compiled.operations.map((operation): HttpOperation => {
    const own = literals.get(operation.name);
    const described = own === undefined ? operation : withLiterals(operation, own);
    const isRead = operation.method === "GET";
    const { list: _list, paging: _paging, ...plain } = described;
    const isCreate =
      operation.name.startsWith("create_") && entry.operations[operation.name]?.effect === undefined;
    return {
      ...plain,
      ...(isCreate && { effect: "create" as const }),
      ...(isRead && service.version === 2 && { query: { $format: "json" } }),
      ...(lists.has(operation.name) && { list: place, paging: { style: "address" as const, next } }),
    };
  });
  return { ...compiled, operations };
}

function withLiterals(
  operation: HttpOperation,
  literals: ReadonlyMap<string, { before: string; after: string }>,
): HttpOperation {
  return {
    ...operation,
    arguments: operation.arguments.map((argument) => {
      const literal = argument.in === "body" ? undefined : literals.get(argument.key);
      return literal === undefined ? argument : { ...argument, literal };
    }),
  };
}
