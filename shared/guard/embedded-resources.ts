import type { ContentBlock, PromptMessage } from "../call/content.ts";
import { findResource } from "../server/find-resource.ts";
import { decide } from "./decide.ts";
import { isRefusal, recordDenial } from "./record-denial.ts";
import type { RequestContext } from "./request-context.ts";

/** Replaces a resource that the reader may not read. Does not name it. */
const LEFT_OUT = "A resource was left out here: this app or its person may not read it now.";

/**
 * Replaces embedded and linked resources that the reader may not read. The decision is the one of
 * `resources/read` for the same URI, and a refusal is recorded like any other. URIs outside this server's
 * schemes (such as web pages) stay; unknown URIs within them are replaced.
 *
 * @param own - scheme of the connection whose answer this is: what it embeds beyond its reviewed resources is its answer
 */
export function leaveOutRefused(
  ctx: RequestContext,
  content: readonly ContentBlock[],
  own?: string,
): ContentBlock[] {
  return content.map((block) => {
    const uri = addressOf(block);
    return uri === null || mayShow(ctx, uri, own) ? block : { type: "text", text: LEFT_OUT };
  });
}

/** {@link leaveOutRefused} for the messages of a prompt. */
export function leaveOutOfMessages(
  ctx: RequestContext,
  messages: readonly PromptMessage[],
  own?: string,
): PromptMessage[] {
  return messages.map((message) => {
    const [content = message.content] = leaveOutRefused(ctx, [message.content], own);
    return { ...message, content };
  });
}

function addressOf(block: ContentBlock): string | null {
  if (block.type === "resource") return block.resource.uri;
  return block.type === "resource_link" ? block.uri : null;
}

function mayShow(ctx: RequestContext, uri: string, own: string | undefined): boolean {
  const { catalogue, policy, identity } = ctx;
  const found = findResource(catalogue, uri);
  if (found === null) return schemeOf(uri) === own || !schemesOf(ctx).has(schemeOf(uri));
  const { subject } = found.entry;
  // The other system wrote this address: nothing of the caller goes out with it.
  const decision = decide(policy, identity, { ...subject, sends: "nothing" }, { args: { uri } });
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
