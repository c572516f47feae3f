/** What we use of autocannon, which ships no types. */
declare module 'autocannon' {
  interface Request {
    readonly method: 'GET'
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
  }
  interface Result {
    /** ms */
    readonly latency: { readonly p50: number; readonly p99: number }
    readonly requests: { readonly average: number }
    readonly non2xx: number
    readonly errors: number
  }
  export default function autocannon(options: {
    readonly url: string
    readonly connections: number
    /** requests a second, all connections together */
    readonly overallRate: number
    /** s */
    readonly duration: number
    readonly requests: readonly Request[]
  }): Promise<Result>
}
