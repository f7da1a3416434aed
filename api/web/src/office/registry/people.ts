/** Names and colours the registry's pages share. */

export const MEMBER_COLOR: Record<string, string> = { active: 'green', suspended: 'amber', left: 'gray' }

export const CARD_COLOR: Record<string, string> = {
  active: 'green',
  issued: 'amber',
  ordered: 'amber',
  blocked: 'red',
  expired: 'gray',
}

interface Named {
  last_name: string
  first_name: string
  middle_name?: string | null | undefined
}

export function fullName({ last_name, first_name, middle_name }: Named): string {
  return [last_name, first_name, middle_name].filter(Boolean).join(' ')
}

/** "9643 0148 2093 1176" */
export function cardNumber(number: string): string {
  return (number.match(/.{1,4}/g) ?? []).join(' ')
}
