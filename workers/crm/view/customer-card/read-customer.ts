/** Customer data of the card. Any field may be masked or unknown. */
export interface Customer {
  company: {
    id: string;
    name: string;
    domain: string | null;
    industry: string | null;
    city: string | null;
    country: string | null;
    employees: number | null;
    phone: string | null;
    owner: string | null;
  } | null;
  contact: {
    id: string;
    name: string;
    title: string | null;
    email: string | null;
    phone: string | null;
  } | null;
  health: { status: string; reasons: string[] };
  people: { id: string; name: string; title: string | null; email: string | null; phone: string | null }[];
  people_total: number;
  open_deals: {
    id: string;
    name: string;
    stage: string;
    amount: number;
    expected_close: string;
    days_untouched: number;
  }[];
  open_deals_total: number;
  open_amount: number;
  currency: string;
  recent_activities: {
    id: string;
    kind: string;
    subject: string;
    date: string;
    days_ago: number;
    by: string;
  }[];
  open_tasks: { id: string; title: string; due: string; overdue: boolean; owner: string | null }[];
  open_tasks_total: number;
}

const LISTS = ["people", "open_deals", "recent_activities", "open_tasks"] as const;

/** The answer of crm_get_customer, or `undefined` for anything else. */
export function readCustomer(answer: unknown): Customer | undefined {
  const customer = answer as Customer | null | undefined;
  if (typeof customer !== "object" || customer === null) return undefined;
  const whole =
    LISTS.every((name) => Array.isArray(customer[name])) && Array.isArray(customer.health?.reasons);
  return whole && (customer.company || customer.contact) ? customer : undefined;
}
