/** A `.wasm` import in a Worker is a compiled module, not an instance. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

/** A font import is an `ArrayBuffer`, by the data rule in wrangler.toml. */
declare module "*.woff2" {
  const bytes: ArrayBuffer;
  export default bytes;
}
