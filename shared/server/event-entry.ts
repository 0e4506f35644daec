import type { Entry } from "./catalogue.ts";
import type { ServerDefinition } from "./define.ts";
import type { EventDefinition } from "./define-event.ts";
import { inputSchemaOf, payloadSchemaOf } from "./schema.ts";

/** The entry of an event in a catalogue. */
export function eventEntry(
  server: Pick<ServerDefinition, "name" | "reads">,
  event: EventDefinition,
  openStore: Entry<unknown>["openStore"],
): Entry<EventDefinition> {
  const listed = once(() => ({
    name: event.name,
    title: event.title,
    description: event.description,
    inputSchema: inputSchemaOf(event.input),
    payloadSchema: payloadSchemaOf(event.payload),
  }));
  return {
    definition: event,
    openStore,
    subject: {
      kind: "event",
      server: server.name,
      reads: server.reads ?? [],
      sends: "nothing",
      name: event.name,
      scope: event.scope,
      effect: "read",
      costly: false,
      fields: new Set(Object.keys(event.input.shape)),
    },
    get listed() {
      return listed();
    },
  };
}

/** Makes a value on its first use. */
export function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
