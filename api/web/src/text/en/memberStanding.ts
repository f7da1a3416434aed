/** Words about the tier, gifts and freezing. */
export const standing = {
  tier: {
    title: 'Your tier',
    none: 'no tier yet',
    missingPurchases: '{{amount}} more of purchases to “{{name}}”',
    missingCashback: '{{amount}} more of cashback to “{{name}}”',
    until: 'The period ends on {{day}}',
    top: 'There is no higher tier',
    progress: 'The way to the next tier',
  },
  frozen: {
    title: 'The account is frozen',
    text: 'Purchases bring cashback and nothing expires, but nothing can be spent or given for now. Ask your union.',
  },
  donate: {
    open: 'Give to the aid fund',
    title: 'The union’s aid fund',
    text: 'The cashback goes to the fund at once and can’t be taken back. Available: {{amount}}.',
    least: 'At least ₽100.00',
    amount: 'How much, ₽',
    notAmount: 'Enter an amount, for example 150 or 150.50',
    confirm: 'Give',
    done: 'Thank you! {{amount}} went to the fund.',
  },
}
