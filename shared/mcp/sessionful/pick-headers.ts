import { IDENTITY_HEADER } from "../../auth/identity-header.ts";
import { PUBLICATION_HEADER } from "../../policy/reference.ts";
import { BINDING_HEADER } from "../http/headers.ts";

/** Headers of the Worker that a message's handler reads. */
const READ_HEADERS = [IDENTITY_HEADER, BINDING_HEADER, PUBLICATION_HEADER, "traceparent"];

/** The headers of a request that a message's handler reads, by name. */
export function pickHeaders(headers: Headers): Record<string, string> {
  const found = READ_HEADERS.map((name) => [name, headers.get(name)] as const);
  return Object.fromEntries(found.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}
