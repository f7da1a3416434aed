/** Words about others’ apps that show the card. */
export const scope = {
  card: 'See the card',
  cardHint: 'its number, kind, state and expiry',
  code: 'Show the code at a till',
  codeHint: 'it earns cashback and spends it',
  balance: 'See the balance',
  balanceHint: 'how much cashback is available, pending and about to expire',
}

export const apps = {
  scope,
  apps: {
    open: 'Connected apps',
    title: 'Apps with my card',
    text: 'You allowed these apps to show your card. Disconnect one, and its access ends at once.',
    none: 'No connected apps',
    noneHint: 'Your bank’s app can show the card: begin there, and you’ll be asked here.',
    since: 'connected {{at}}',
    used: 'last heard of {{at}}',
    until: 'allowed until {{day}}',
    disconnect: 'Disconnect',
    disconnected: 'App disconnected',
  },
}
