/** What the package exports (it brings no types): C functions and their memory. */
declare module '@echogarden/fvad-wasm' {
  export interface FvadModule {
    readonly HEAP16: Int16Array
    _malloc(bytes: number): number
    _fvad_new(): number
    _fvad_free(detector: number): void
    /** also sets mode and rate back to their defaults */
    _fvad_reset(detector: number): void
    _fvad_set_mode(detector: number, mode: number): number
    _fvad_set_sample_rate(detector: number, rate: number): number
    _fvad_process(detector: number, samples: number, count: number): number
  }
  const load: () => Promise<FvadModule>
  export { load as default }
}
