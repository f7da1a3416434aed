/** Accounts in words: whose, and what. */
import type { LedgerAccount } from '../../api/types'
import type { Words } from '../../ui/words'

/** "receivable:demo-market" → "Долг партнёра перед союзом · demo-market". */
export function accountTitle(account: string, { t, exists }: Words, ownerName?: string | null): string {
  const [head = '', tail = ''] = account.split(/:(.*)/s)
  const kind = head === 'member' ? tail : head
  const name = exists(`account.${kind}`) ? t(`account.${kind}`) : account
  const owner = head === 'member' ? t('account.allMembers') : (ownerName ?? tail)
  return owner ? `${name} · ${owner}` : name
}

export function accountName(account: LedgerAccount, { t, exists }: Words): string {
  return exists(`account.${account.name}`) ? t(`account.${account.name}`) : account.name
}

export function accountOwner(account: LedgerAccount, { t }: Words): string {
  if (account.owner_kind === 'member') return t('account.allMembers')
  return account.owner_name ?? t(`owner.${account.owner_kind}`)
}

export function ledgerPath(account: string): string {
  return `/ledger/${encodeURIComponent(account)}`
}
