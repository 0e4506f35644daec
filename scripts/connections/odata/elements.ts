import type { Element } from "@xmldom/xmldom";

/** All elements of a name below an element, whatever their prefix. */
export function all(root: Element, name: string): Element[] {
  return Array.from(root.getElementsByTagNameNS("*", name));
}

/** The elements of a name directly within an element. */
export function children(parent: Element, name: string): Element[] {
  const found: Element[] = [];
  for (let here = firstElement(parent.firstChild); here !== null; here = firstElement(here.nextSibling))
    if (here.localName === name) found.push(here);
  return found;
}

/** Names become parts of paths and of tools: others than simple identifiers (CSDL §15.2) are left out by their users. */
export function nameOf(element: Element): string {
  return element.getAttribute("Name") ?? "";
}

function firstElement(node: Element["firstChild"]): Element | null {
  for (let here = node; here !== null; here = here.nextSibling)
    if (here.nodeType === 1) return here as Element;
  return null;
}
