// Runs inside the page, where `document` is; measure.ts sends it there as text. Plain JavaScript, because the
// types of the browser and those of the Workers runtime cannot be loaded together.

function parseColour(text) {
  const [r = 0, g = 0, b = 0, a = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
  return { r, g, b, a };
}

function blend(top, below) {
  const mix = (channel) => top[channel] * top.a + below[channel] * (1 - top.a);
  return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 };
}

function backgroundOf(element) {
  const layers = [];
  for (let at = element; at !== null; at = at.parentElement) {
    layers.push(parseColour(getComputedStyle(at).backgroundColor));
  }
  return layers.reverse().reduce((below, layer) => blend(layer, below), { r: 255, g: 255, b: 255, a: 1 });
}

/** Relative luminance as WCAG 2.2 defines it. */
function luminance({ r, g, b }) {
  const [red, green, blue] = [r, g, b].map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export const inPage = {
  faintTexts(least) {
    const faint = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const element = node.parentElement;
      const text = node.textContent.trim();
      if (text === "" || element.getClientRects().length === 0) continue;
      const behind = backgroundOf(element);
      const ink = blend(parseColour(getComputedStyle(element).color), behind);
      const [light, dark] = [luminance(ink), luminance(behind)].sort((a, b) => b - a);
      const ratio = (light + 0.05) / (dark + 0.05);
      if (ratio < least) faint.push({ text: text.slice(0, 60), ratio: Math.round(ratio * 100) / 100 });
    }
    return faint;
  },

  textsMeasured() {
    return document.body.innerText.split(/\s+/).length;
  },

  overflow() {
    return document.documentElement.scrollWidth - innerWidth;
  },

  narrowCaptions() {
    return [...document.querySelectorAll("caption")]
      .filter((caption) => caption.getBoundingClientRect().width < 120)
      .map(({ textContent }) => textContent);
  },

  groundBrightness() {
    const { r, g, b } = parseColour(getComputedStyle(document.body).backgroundColor);
    return (r + g + b) / 3;
  },

  namelessControls() {
    return [...document.querySelectorAll("button, a, input:not([type=hidden])")]
      .filter((control) => {
        const labels = [...(control.labels ?? [])].map((label) => label.textContent);
        const words = [control.textContent, control.getAttribute("aria-label"), ...labels];
        return words.every((word) => (word ?? "").trim() === "");
      })
      .map((control) => control.outerHTML);
  },

  focusOutline() {
    return Number.parseFloat(getComputedStyle(document.activeElement).outlineWidth);
  },
};
