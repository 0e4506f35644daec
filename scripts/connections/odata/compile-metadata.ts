import type { OpenapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import type { HttpOperation } from "../../../shared/connections/operations.ts";
import { type Compiled, compileDocument } from "../openapi/compile-document.ts";
import type { ODataService } from "./read-metadata.ts";
import { describeService } from "./to-openapi.ts";

/**
 * Where an answer has what, and the headers that make it this form: a service answers in the newest version that it
 * knows otherwise, whose names are others. Pages are asked for where that can be done.
 */
const FORMS = {
  2: {
    headers: { MaxDataServiceVersion: "2.0" },
    ofLists: {},
    result: "d",
    list: "d.results",
    total: "d.__count",
    next: "d.__next",
  },
  4: {
    headers: { "OData-MaxVersion": "4.0" },
    ofLists: { Prefer: "odata.maxpagesize=200" },
    result: undefined,
    list: "value",
    total: "@odata.count",
    next: "@odata.nextLink",
  },
} as const;

/**
 * Makes the definitions of an OData service: as an OpenAPI document first, so that selection, names, arguments and
 * bounds are those of every HTTP API, then with what OData says besides: literals, lists and next pages.
 */
export function compileMetadata(connection: string, service: ODataService, entry: OpenapiEntry): Compiled {
  const { document, lists, literals } = describeService(service);
  const compiled = compileDocument(connection, document, entry);
  const form = FORMS[service.version];
  const operations = compiled.operations.map((operation): HttpOperation => {
    const own = literals.get(operation.name);
    const described = own === undefined ? operation : withLiterals(operation, own);
    const isRead = operation.method === "GET";
    const { list: _list, paging: _paging, ...plain } = described;
    const isList = lists.has(operation.name);
    const isCreate =
      operation.name.startsWith("create_") && entry.operations[operation.name]?.effect === undefined;
    return {
      ...plain,
      ...(isCreate && { effect: "create" as const }),
      ...(isRead && service.version === 2 && { query: { $format: "json" } }),
      headers: { ...form.headers, ...(isList && form.ofLists) },
      ...(form.result !== undefined && { result: form.result }),
      ...(isList && {
        list: form.list,
        total: form.total,
        paging: { style: "address" as const, next: form.next },
      }),
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
