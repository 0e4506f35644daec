import type { ContentBlock, PromptMessage } from "../call/content.ts";
import { findResource } from "../server/find-resource.ts";
import { decide } from "./decide.ts";
import { isRefusal, recordDenial } from "./record-denial.ts";
import type { RequestContext } from "./request-context.ts";

/** Stands where a resource would stand that the reader may not read. It names nothing of it. */
const LEFT_OUT = "A resource was left out here: this app or its person may not read it now.";

/**
 * Content blocks without the resources, embedded or linked, that the reader may not read: the same decision as
 * `resources/read` makes for the same URI, recorded like any other refusal. Addresses outside of this URL's resources
 * (a web page) stay; one that looks like a resource of this URL and is none does not.
 */
export function leaveOutRefused(ctx: RequestContext, content: readonly ContentBlock[]): ContentBlock[] {
  return content.map((block) => {
    const uri = addressOf(block);
    return uri === null || mayShow(ctx, uri) ? block : { type: "text", text: LEFT_OUT };
  });
}

/** The same for the messages of a prompt. */
export function leaveOutOfMessages(ctx: RequestContext, messages: readonly PromptMessage[]): PromptMessage[] {
  return messages.map((message) => {
    const [content = message.content] = leaveOutRefused(ctx, [message.content]);
    return { ...message, content };
  });
}

function addressOf(block: ContentBlock): string | null {
  if (block.type === "resource") return block.resource.uri;
  return block.type === "resource_link" ? block.uri : null;
}

function mayShow(ctx: RequestContext, uri: string): boolean {
  const { catalogue, policy, identity } = ctx;
  const found = findResource(catalogue, uri);
  if (found === null) return !schemesOf(ctx).has(schemeOf(uri));
  const { subject } = found.entry;
  const decision = decide(policy, identity, subject, { uri });
  if (isRefusal(decision)) recordDenial(ctx, subject, { uri }, decision);
  return decision.kind === "allow";
}

function schemesOf({ catalogue: { resources, templates } }: RequestContext): Set<string> {
  const addresses = [...resources.keys(), ...templates.map(({ definition }) => definition.uriTemplate ?? "")];
  return new Set(addresses.map(schemeOf));
}

function schemeOf(uri: string): string {
  return uri.slice(0, uri.indexOf(":")).toLowerCase();
}
