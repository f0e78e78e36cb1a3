/** Under which name a tab keeps what became of two carts, from the sign-in until it was read. */
export const MERGED_KEY = "cts-merged"
