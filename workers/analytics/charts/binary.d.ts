/** What a `.wasm` import is in a Worker: compiled, not yet running. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

/** What the rule for data in wrangler.toml makes of a font. */
declare module "*.woff2" {
  const bytes: ArrayBuffer;
  export default bytes;
}
