/** What an app may see of a member, by the names of its words: a colon means something else there. */
export const SCOPE_WORDS = { card: 'card', 'card:code': 'code', balance: 'balance' } as const

export type ScopeName = keyof typeof SCOPE_WORDS

/** The key of a scope's words; a scope that came later is shown as it is. */
export function scopeWords(scope: string): string {
  return SCOPE_WORDS[scope as ScopeName] ?? scope
}
