/**
 * What Node is started with for every command; the first line of `cli/main.ts` says the same. V8's young generation grows to 3 x 16 MB under
 * load and does not shrink: 27 MB of a process with two meetings, that the next meeting seems to cost. At 4 MB collecting it costs 0.3 %
 * of a core a meeting. Its old generation is left to grow to several times what is in use before it is collected: after 32 000 hostile
 * requests a `serve` had 65 MB more than before, garbage all of it. Collected whenever it has grown by a quarter: 11 MB, for 5 % of CPU.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=4', '--heap-growing-percent=25']
