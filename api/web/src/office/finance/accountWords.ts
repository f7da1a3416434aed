/** Accounts in words: whose, and what. */
import type { LedgerAccount } from '../../api/types'
import type { Words } from '../../ui/words'
import { usePartnerNames } from './partnersQuery'

/** "receivable:demo-market" → "Долг партнёра перед союзом · demo-market". */
export function accountTitle(account: string, { t, exists }: Words, ownerName?: string | null): string {
  const [head = '', tail = ''] = account.split(/:(.*)/s)
  const kind = head === 'member' ? tail : head
  const name = exists(`account.${kind}`) ? t(`account.${kind}`) : account
  const owner = head === 'member' ? t('account.allMembers') : (ownerName ?? ownerWords(tail, t))
  return owner ? `${name} · ${owner}` : name
}

/** Whose, by the code alone: a member's is an id, of which the end is enough to tell two apart. */
function ownerWords(tail: string, t: Words['t']): string {
  if (tail === 'union') return t('owner.union')
  if (/^[0-9a-f-]{36}$/.test(tail)) return t('account.oneMember', { last: tail.slice(-4) })
  return tail
}

/** The names of the partners by the accounts that are theirs. */
export function useOwnerNames(): (account: string) => string | undefined {
  const names = usePartnerNames()
  return (account) => (account.startsWith('receivable:') ? names.get(account.slice(11)) : undefined)
}

export function accountName(account: LedgerAccount, { t, exists }: Words): string {
  return exists(`account.${account.name}`) ? t(`account.${account.name}`) : account.name
}

export function accountOwner(account: LedgerAccount, { t }: Words): string {
  if (account.owner_kind === 'member') return t('account.allMembers')
  return account.owner_name ?? t(`owner.${account.owner_kind}`)
}

/** The postings of an account; those that its balance as of an instant is made of. */
export function ledgerPath(account: string, at?: string): string {
  return `/ledger/${encodeURIComponent(account)}${at ? `?at=${encodeURIComponent(at)}` : ''}`
}
