import { element } from "../../../shared/web/view/build-elements.ts";
import { connectHost, type HostAnswer } from "../../../shared/web/view/connect-host.ts";
import { CustomerPanel } from "./customer-card/customer-panel.ts";
import { type Customer, readCustomer } from "./customer-card/read-customer.ts";

/**
 * Shows the answer of crm_get_customer as a card, on which the user completes tasks and reloads the customer.
 */
const place = document.querySelector("main") as HTMLElement;
const host = connectHost({ name: "gatehouse-customer-card", show });

function show(answer: HostAnswer): void {
  const customer = answer.isError ? undefined : readCustomer(answer.structuredContent);
  if (!customer) {
    const text = textOf(answer) ?? "There is nothing to show.";
    place.replaceChildren(element("p", answer.isError ? { class: "error", role: "alert" } : {}, text));
    return;
  }
  const panel = new CustomerPanel(customer, {
    complete: (taskId) => callTool("crm_complete_task", { task_id: taskId }),
    refresh: () => refresh(customer),
    openLink: (url) => host.openLink(url),
  });
  place.replaceChildren(panel.root);
}

async function refresh(customer: Customer): Promise<void> {
  const id = customer.contact?.id ?? customer.company?.id ?? "";
  show(await callTool("crm_get_customer", { customer: id }));
}

/** Calls a tool. Rejects with the server's own message when it refuses. */
async function callTool(name: string, args: Record<string, unknown>): Promise<HostAnswer> {
  const answer = await host.callTool(name, args);
  if (!answer.isError) return answer;
  const text = textOf(answer) ?? "";
  throw new Error(readMessage(text) ?? "The call did not succeed.");
}

function textOf({ content }: HostAnswer): string | undefined {
  return content?.find(({ type }) => type === "text")?.text;
}

/** The message of a tool's error: `{ "error": { "message": … } }`. */
function readMessage(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } };
    return typeof error?.message === "string" ? error.message : undefined;
  } catch {
    return undefined;
  }
}
