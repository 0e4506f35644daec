// Runs inside the host page, where `document` is: the host half of MCP Apps by the extension's own package,
// around a sandboxed frame as clients make it.
import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";

window.openView = async (html, hostContext) => {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.style.cssText = "display:block;width:100%;height:40px;border:0";
  frame.srcdoc = html;
  document.body.replaceChildren(frame);
  const bridge = new AppBridge(
    null,
    { name: "test-host", version: "1" },
    { openLinks: {}, serverTools: {} },
    { hostContext },
  );
  window.bridge = bridge;
  window.called = [];
  bridge.oncalltool = async (params) => {
    window.called.push(params);
    return window.nextAnswer;
  };
  window.sizes = [];
  bridge.onsizechange = ({ width, height }) => {
    window.sizes.push({ width, height });
    frame.style.height = `${height}px`;
  };
  const ready = new Promise((resolve) => {
    bridge.oninitialized = resolve;
  });
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  await ready;
};
