/** A page in the demo's browser. */
export interface Page {
  url: string;
  status: number;
  html: string;
}

/** A redirect response. */
export interface Redirect {
  status: number;
  location: string;
}

/** One form of a page with its initial values. */
export interface Form {
  /** Absolute. */
  action: string;
  /** Hidden and text fields, in document order. */
  fields: [name: string, value: string][];
  /** Check boxes and whether they are initially checked. */
  boxes: { name: string; value: string; ticked: boolean }[];
}

/**
 * The smallest browser that can sign in: it keeps cookies, sends forms from their own origin, and returns
 * every redirect instead of following it, because the last one carries the authorization code to the client.
 */
export class Browser {
  readonly #cookies = new Map<string, string>();

  /** Opens a page, or returns its redirect. */
  open(url: string): Promise<Page | Redirect> {
    return this.#request(url, {});
  }

  /** Sends a form as `application/x-www-form-urlencoded`. */
  send(form: Form, fields: readonly (readonly [string, string])[]): Promise<Page | Redirect> {
    return this.#request(form.action, {
      method: "POST",
      headers: { Origin: new URL(form.action).origin },
      body: new URLSearchParams(fields.map(([name, value]) => [name, value])),
    });
  }

  async #request(url: string, init: RequestInit): Promise<Page | Redirect> {
    const headers = new Headers(init.headers);
    if (this.#cookies.size > 0) {
      headers.set("Cookie", [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    }
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const cookie of response.headers.getSetCookie()) this.#keep(cookie);
    const location = response.headers.get("Location");
    if (location !== null) {
      await response.body?.cancel();
      return { status: response.status, location: new URL(location, url).href };
    }
    return { url, status: response.status, html: await response.text() };
  }

  #keep(cookie: string): void {
    const [pair = "", ...attributes] = cookie.split(";");
    const name = pair.slice(0, pair.indexOf("=")).trim();
    if (attributes.some((attribute) => /^\s*max-age=0\s*$/i.test(attribute))) this.#cookies.delete(name);
    else this.#cookies.set(name, pair.slice(pair.indexOf("=") + 1).trim());
  }
}

/** Finds the form of a page with a field of this name. Throws with the page's text when there is none. */
export function findForm(page: Page, fieldName: string): Form {
  for (const [, head = "", body = ""] of page.html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)) {
    const form = readForm(page, readAttributes(head), body);
    const names = [...form.fields.map(([name]) => name), ...form.boxes.map(({ name }) => name)];
    if (names.includes(fieldName)) return form;
  }
  throw new Error(`${page.url} (status ${page.status}) has no such form. It says: ${readText(page)}`);
}

/** The visible text of a page, shortened. */
export function readText({ html }: Page): string {
  const visible = html.replace(/<(style|script|head)\b[\s\S]*?<\/\1>/gi, " ").replace(/<[^>]+>/g, " ");
  return decodeEntities(visible).replace(/\s+/g, " ").trim().slice(0, 300);
}

function readForm(page: Page, head: Map<string, string>, body: string): Form {
  const form: Form = {
    action: new URL(head.get("action") ?? page.url, page.url).href,
    fields: [],
    boxes: [],
  };
  for (const [, tag = ""] of body.matchAll(/<input\b([^>]*)>/gi)) {
    const input = readAttributes(tag);
    const name = input.get("name") ?? "";
    const value = input.get("value") ?? "";
    if (input.get("type") === "checkbox") form.boxes.push({ name, value, ticked: input.has("checked") });
    else form.fields.push([name, value]);
  }
  return form;
}

function readAttributes(tag: string): Map<string, string> {
  const pairs = tag.matchAll(/([\w-]+)(?:\s*=\s*"([^"]*)")?/g);
  return new Map([...pairs].map(([, name = "", value = ""]) => [name.toLowerCase(), decodeEntities(value)]));
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(/&(#x?[\da-f]+|\w+);/gi, (whole, name: string) => {
    if (!name.startsWith("#")) return ENTITIES[name] ?? whole;
    return String.fromCodePoint(
      /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1)),
    );
  });
}
