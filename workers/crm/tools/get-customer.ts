import { z } from "zod";
import type { ContextAccess } from "../../../shared/call/entity-reference.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { referToContact } from "../answers.ts";
import { customerShape, describeCustomer } from "../customer/customer.ts";
import { customerCard } from "../customer/customer-view.ts";
import { lineField } from "../fields.ts";
import { type Customer, resolveCustomer } from "../resolve.ts";
import type { CrmStore } from "../store.ts";

/** Shows a summary of one customer. */
export const getCustomer = defineTool({
  name: "crm_get_customer",
  title: "Customer 360",
  effect: "read",
  scope: "crm:read",
  view: customerCard,
  description:
    "Shows one customer from all sides: company, people, open deals, last contact, open tasks, and health with its reasons.",
  input: z.object({
    customer: lineField(200)
      .default("recent")
      .describe('Company or contact: id, name or e-mail; "recent" for the last company'),
  }),
  output: customerShape,
  async run({ customer }, { store, context, now }: ToolContext<CrmStore>) {
    const found = await resolveCustomer(
      store,
      customer.toLowerCase() === "recent" ? findRecent(context) : customer,
    );
    rememberCustomer(context, found);
    return await describeCustomer(store, found, now);
  },
});

function findRecent(context: ContextAccess): string {
  const [company] = context.recent("company");
  if (company) return company.id;
  throw new ToolError("not_found", "This session has not looked at any company yet.", {
    suggestedAction: "Name the customer by name, e-mail or id.",
  });
}

/** Remembers a customer and, for a person, their company, so that "that customer" resolves to either. */
function rememberCustomer(context: ContextAccess, customer: Customer): void {
  if (customer.kind === "contact") {
    const { contact } = customer;
    context.remember(referToContact(contact));
  }
  if (customer.company) {
    context.remember({ type: "company", id: customer.company.id, label: customer.company.name });
  }
}
