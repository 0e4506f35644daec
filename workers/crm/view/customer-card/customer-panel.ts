import { element } from "../../../../shared/web/view/build-elements.ts";
import type { Customer } from "./read-customer.ts";
import { DAYS_COLD, describeAge, writeAmount, writeDay } from "./wording.ts";

/** Actions of the card; each rejects with a sentence for the user. */
export interface CardActions {
  complete(taskId: string): Promise<unknown>;
  refresh(): Promise<void>;
  openLink(url: string): Promise<void>;
}

const HEALTH: Readonly<Record<string, string>> = {
  good: "Good",
  watch: "Watch",
  at_risk: "At risk",
  dormant: "Dormant",
};

/** The stages of a deal; a lost one is not open. */
const STAGES = ["lead", "qualified", "proposal", "negotiation", "won"];

/** Panel with a customer's summary and its actions. */
export class CustomerPanel {
  readonly root: HTMLElement;
  readonly #customer: Customer;
  readonly #actions: CardActions;
  readonly #message = element("p", { class: "message", role: "status", "aria-live": "polite" });

  constructor(customer: Customer, actions: CardActions) {
    this.#customer = customer;
    this.#actions = actions;
    this.root = element(
      "article",
      {},
      this.#header(),
      this.#figures(),
      element("div", { class: "columns" }, this.#deals(), this.#tasks(), this.#people(), this.#activities()),
      this.#foot(),
    );
  }

  #header(): HTMLElement {
    const { company, contact, health } = this.#customer;
    const place = [company?.city, company?.country].filter(Boolean).join(", ");
    const size = company?.employees ? `${company.employees.toLocaleString("en")} people` : "";
    const facts = contact
      ? [contact.title, company?.name, contact.email, contact.phone]
      : [company?.industry, place, size, company?.phone];
    const status = HEALTH[health.status] ?? health.status;
    return element(
      "header",
      {},
      element(
        "div",
        { class: "title" },
        element("h1", {}, contact?.name ?? company?.name ?? ""),
        element("strong", { class: `health ${health.status.replace(/\W/g, "")}` }, status),
      ),
      element("p", { class: "quiet" }, ...factsOf(facts)),
      element("p", {}, health.reasons.join(" ")),
    );
  }

  #figures(): HTMLElement {
    const { open_amount, currency, open_deals_total, open_tasks_total, recent_activities } = this.#customer;
    const [last] = recent_activities;
    const figure = (name: string, value: string) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value));
    return element(
      "dl",
      { class: "figures" },
      figure("Open amount", writeAmount(open_amount, currency)),
      figure("Open deals", String(open_deals_total)),
      figure("Last contact", last ? describeAge(last.days_ago) : "never"),
      figure("Open tasks", String(open_tasks_total)),
    );
  }

  #deals(): HTMLElement {
    const { open_deals: deals, open_deals_total: total, currency } = this.#customer;
    const rows = deals.map(({ name, stage, amount, expected_close, days_untouched: days }) => {
      const at = STAGES.indexOf(stage) + 1;
      const cold = days > DAYS_COLD;
      const touched = days === 0 ? "touched today" : `untouched ${describeAge(days, "for")}`;
      return element(
        "li",
        {},
        element("span", { class: "name" }, name),
        element("span", { class: "amount" }, writeAmount(amount, currency)),
        element("progress", { max: STAGES.length, value: at, "aria-label": `Stage ${stage}` }),
        element(
          "span",
          { class: "facts quiet" },
          ...factsOf([stage, `closes ${writeDay(expected_close)}`]),
          element("span", { class: cold ? "fact error" : "fact" }, touched),
        ),
      );
    });
    return section("Open deals", rows, total, "No deal is open.");
  }

  #tasks(): HTMLElement {
    const { open_tasks: tasks, open_tasks_total: total } = this.#customer;
    const rows = tasks.map(({ id, title, due, overdue, owner }) => {
      const button = element("button", { type: "button", "aria-label": `Done: ${title}` }, "Done");
      const row = element(
        "li",
        {},
        element("span", { class: "name" }, title),
        button,
        element(
          "span",
          { class: overdue ? "facts error" : "facts quiet" },
          ...factsOf([`${overdue ? "Overdue since" : "Due"} ${writeDay(due)}`, owner]),
        ),
      );
      button.addEventListener("click", () => void this.#complete(id, title, button, row));
      return row;
    });
    return section("Open tasks", rows, total, "Nothing is to do.");
  }

  #people(): HTMLElement {
    const { people, people_total: total } = this.#customer;
    const rows = people.map(({ name, title, email, phone }) =>
      element(
        "li",
        {},
        element("span", { class: "name" }, name),
        element("span", { class: "facts quiet" }, ...factsOf([title, email, phone])),
      ),
    );
    return section("People", rows, total, "No people yet.");
  }

  #activities(): HTMLElement {
    const rows = this.#customer.recent_activities.map(({ kind, subject, days_ago, by }) =>
      element(
        "li",
        {},
        element("span", { class: "name" }, subject),
        element("span", { class: "facts quiet" }, ...factsOf([kind, describeAge(days_ago), by])),
      ),
    );
    return section("Last contact", rows, rows.length, "No contact is on record.");
  }

  #foot(): HTMLElement {
    const { company } = this.#customer;
    const refresh = element("button", { type: "button" }, "Refresh");
    refresh.addEventListener("click", () => void this.#try(refresh, () => this.#actions.refresh()));
    const foot = element("footer", {}, refresh);
    const { domain, owner } = company ?? {};
    if (domain && /^[a-z0-9.-]+$/.test(domain)) {
      const site = element("button", { type: "button" }, domain);
      site.addEventListener(
        "click",
        () => void this.#try(site, () => this.#actions.openLink(`https://${domain}`)),
      );
      foot.append(site);
    }
    if (owner) foot.append(element("span", { class: "quiet" }, `Owner: ${owner}`));
    foot.append(this.#message);
    return foot;
  }

  async #complete(id: string, title: string, button: HTMLButtonElement, row: HTMLElement): Promise<void> {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    const done = await this.#try(button, () => this.#actions.complete(id));
    if (!done) return;
    row.remove();
    this.#say(`Done: ${title}`);
    // Keeps the keyboard focus near the removed button.
    (next?.querySelector("button") ?? this.root.querySelector<HTMLElement>("footer button"))?.focus();
  }

  /** Runs an action that may be refused; disables its button meanwhile and shows the reason of a failure. */
  async #try(button: HTMLButtonElement, act: () => Promise<unknown>): Promise<boolean> {
    button.disabled = true;
    try {
      await act();
      return true;
    } catch (failure) {
      this.#say(failure instanceof Error ? failure.message : "It did not work.", true);
      return false;
    } finally {
      button.disabled = false;
    }
  }

  #say(text: string, failed = false): void {
    this.#message.classList.toggle("error", failed);
    this.#message.textContent = text;
  }
}

function section(title: string, rows: HTMLElement[], total: number, none: string): HTMLElement {
  const more = total - rows.length;
  return element(
    "section",
    { "aria-label": title },
    element("h2", {}, title),
    rows.length === 0 ? element("p", { class: "quiet" }, none) : element("ul", {}, ...rows),
    ...(more > 0 ? [element("p", { class: "quiet" }, `and ${more.toLocaleString("en")} more`)] : []),
  );
}

/** Short facts in one line; each wraps only if it does not fit. */
function factsOf(facts: readonly (string | null | undefined)[]): HTMLElement[] {
  return facts.flatMap((fact) => (fact ? [element("span", { class: "fact" }, fact)] : []));
}
