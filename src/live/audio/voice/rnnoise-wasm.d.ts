/** What the package exports (it brings no types): C functions and their memory. */
declare module '@echogarden/rnnoise-wasm' {
  export interface RnnoiseModule {
    readonly HEAPF32: Float32Array
    _malloc(bytes: number): number
    /** @param model 0 for the built-in one */
    _rnnoise_create(model: number): number
    _rnnoise_init(state: number, model: number): number
    _rnnoise_destroy(state: number): void
    /** @returns probability of speech; `out` may be `input` */
    _rnnoise_process_frame(state: number, out: number, input: number): number
  }
  const load: () => Promise<RnnoiseModule>
  export { load as default }
}
