/** Why something is not fetched, or not taken: one sentence for people that holds no address and no credential. */
export class FetchRefused extends Error {}
