/** A tool result as the host passes it on (MCP `CallToolResult`). Untrusted: a view checks what it reads. */
export interface HostAnswer {
  structuredContent?: unknown;
  content?: readonly { type: string; text?: string }[];
  isError?: boolean;
}

/** The call of the result, as far as the host names it. */
export interface HostCall {
  tool: string | undefined;
  args: Record<string, unknown>;
}

/** The program of a view. */
export interface ViewProgram {
  /** Name of the view, sent to the host. */
  name: string;
  /** Shows a tool result; called again for a newer one. */
  show(answer: HostAnswer, call: HostCall): void;
}

/** Requests from a view to its host. Each rejects with a sentence if the host refuses or cannot. */
export interface Host {
  /** Calls a tool of the view's own server, with the user's rights and through the guard. */
  callTool(name: string, args: Record<string, unknown>): Promise<HostAnswer>;
  /** Opens an https address outside the view; the host may ask the user first. */
  openLink(url: string): Promise<void>;
}

/** The revision of SEP-1865 that this file implements. */
const REVISION = "2026-01-26";

interface Message {
  jsonrpc: "2.0";
  id?: number | string;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: { code?: number; message?: string };
}

/**
 * Connects a view to the client that shows it: JSON-RPC 2.0 over `postMessage` (SEP-1865, «Communication
 * Protocol»), with handshake, theme and size. Only messages of the parent frame are accepted.
 */
export function connectHost(view: ViewProgram): Host {
  const host = window.parent;
  const waiting = new Map<unknown, { resolve(result: unknown): void; reject(error: Error): void }>();
  // The host's origin is unknown until its first message; only the handshake is sent before.
  let origin = "*";
  let nextId = 1;
  const call: HostCall = { tool: undefined, args: {} };

  const post = (message: Omit<Message, "jsonrpc">) =>
    host.postMessage({ jsonrpc: "2.0", ...message }, origin);
  const request = (method: string, params: Record<string, unknown>) =>
    new Promise<unknown>((resolve, reject) => {
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      post({ id, method, params });
    });

  const settle = ({ id, result, error }: Message) => {
    const pending = waiting.get(id);
    waiting.delete(id);
    if (error) pending?.reject(new Error(error.message ?? "The client refused."));
    else pending?.resolve(result);
  };
  const follow = (context: Record<string, unknown>) => {
    call.tool = toolOf(context) ?? call.tool;
    followHost(context);
  };
  const take = ({ id, method, params = {} }: Message) => {
    if (method === "ui/notifications/tool-result") view.show(params as HostAnswer, call);
    else if (method === "ui/notifications/tool-cancelled") view.show(CANCELLED, call);
    else if (method === "ui/notifications/tool-input")
      call.args = (params.arguments ?? {}) as HostCall["args"];
    else if (method === "ui/notifications/host-context-changed") follow(params);
    if (id === undefined) return;
    if (method === "ping" || method === "ui/resource-teardown") post({ id, result: {} });
    else post({ id, error: { code: -32601, message: "Method not found" } });
  };

  window.addEventListener("message", (event: MessageEvent<unknown>) => {
    const message = event.data as Message | null;
    if (event.source !== host || typeof message !== "object" || message?.jsonrpc !== "2.0") return;
    if (event.origin !== "null" && event.origin !== "") origin = event.origin;
    if (message.method === undefined) settle(message);
    else take(message);
  });

  const start = async () => {
    const params = {
      protocolVersion: REVISION,
      appInfo: { name: view.name, version: "1" },
      appCapabilities: { availableDisplayModes: ["inline"] },
    };
    const result = (await request("ui/initialize", params)) as { hostContext?: Record<string, unknown> };
    follow(result?.hostContext ?? {});
    post({ method: "ui/notifications/initialized" });
    reportSize((size) => post({ method: "ui/notifications/size-changed", params: size }));
  };
  void start().catch((error: Error) =>
    view.show({ isError: true, content: [{ type: "text", text: error.message }] }, call),
  );

  return {
    callTool: async (name, args) => (await request("tools/call", { name, arguments: args })) as HostAnswer,
    openLink: async (url) => {
      const answer = (await request("ui/open-link", { url })) as { isError?: boolean };
      if (answer?.isError) throw new Error("The client did not open the address.");
    },
  };
}

const CANCELLED: HostAnswer = { isError: true, content: [{ type: "text", text: "The call was cancelled." }] };

/** The tool whose result the host shows. */
function toolOf(context: Record<string, unknown>): string | undefined {
  const { tool } = (context.toolInfo ?? {}) as { tool?: { name?: unknown } };
  return typeof tool?.name === "string" ? tool.name : undefined;
}

/** Host variables that the style sheet supports; all others are ignored. */
const KNOWN_VARIABLE = /^--(color|font|border)-[a-z0-9-]+$/;

/** Applies the host's theme and colours (SEP-1865, «Theming»). */
function followHost(context: Record<string, unknown>): void {
  const root = document.documentElement;
  const { theme, styles } = context as { theme?: unknown; styles?: { variables?: Record<string, unknown> } };
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  for (const [name, value] of Object.entries(styles?.variables ?? {})) {
    if (KNOWN_VARIABLE.test(name) && typeof value === "string") root.style.setProperty(name, value);
  }
}

/** Reports the size of the content in CSS pixels, initially and on every change. */
function reportSize(report: (size: { width: number; height: number }) => void): void {
  let [lastWidth, lastHeight] = [0, 0];
  const measure = () => {
    const box = document.body.getBoundingClientRect();
    const [width, height] = [Math.ceil(box.width), Math.ceil(box.height)];
    if (width === lastWidth && height === lastHeight) return;
    [lastWidth, lastHeight] = [width, height];
    report({ width, height });
  };
  new ResizeObserver(measure).observe(document.body);
  measure();
}
