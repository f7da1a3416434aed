/** Words about the card without network, devices and family cards. */
export const offline = {
  clock: {
    ahead_one:
      'The phone’s clock is {{count}} minute fast. The code is right: it follows the server’s clock.',
    ahead_other:
      'The phone’s clock is {{count}} minutes fast. The code is right: it follows the server’s clock.',
    behind_one:
      'The phone’s clock is {{count}} minute slow. The code is right: it follows the server’s clock.',
    behind_other:
      'The phone’s clock is {{count}} minutes slow. The code is right: it follows the server’s clock.',
    setBack:
      'The phone’s clock was set back: without network the code may not fit. Turn automatic time or the internet on.',
  },
  kept: {
    offline:
      'The server doesn’t answer. The card works without it: the phone itself draws the code. Balance and operations come back as soon as it does.',
    guest: 'This card was handed to your phone: its code is drawn here, without network too.',
    signIn: 'I am a member: sign in',
    forget: 'Remove the card from this phone',
  },
  offlineOffer: {
    title: 'The card without internet',
    text: 'Add this device to the card and the code is drawn right here, even with no connection. Don’t do so on somebody else’s device.',
    add: 'Add this device',
    done: 'Device added: the card works without network',
    works: 'On this device the card works without network too',
  },
  atTill: {
    open: 'Show it large',
    title: 'At the till',
    way: 'What to show',
    ways: { live: 'Code', proof: 'Till offline', code128: 'Barcode', ean13: 'EAN-13' },
    bright: 'Turn the screen’s brightness up: the scanner reads the code at once.',
    proofHint:
      'A signed proof for a till without internet, good until {{until}}. It earns, it doesn’t redeem.',
    barsHint: 'The lasting number for old scanners. It earns, it doesn’t redeem.',
  },
  devices: {
    open: 'Devices',
    title: 'Devices with my card',
    text: 'These phones and wallets draw the code themselves. If a phone is lost, revoke it: its codes are refused at once.',
    none: 'No devices',
    noneHint: 'Add this device on the card’s page to make it work without network.',
    kind: { phone: 'Phone', google: 'Google Wallet' },
    added: 'added {{at}}',
    used: 'code taken {{at}}',
    here: 'this device',
    revoke: 'Revoke',
    revoked: 'Device revoked',
  },
  reissue: {
    open: 'Get a new card',
    title: 'A new card instead of •• {{last}}?',
    text: 'The number changes, points and history stay. The old number is blocked for ever, devices have to be added anew.',
    reason: 'Why',
    reasons: { replaced: 'I want a new number', lost: 'Lost', stolen: 'Stolen' },
    confirm: 'Get a new card',
    renew: 'Get a new card',
    office: 'Your organisation issues the next one.',
    renewHint: 'At once and with a new number. Points and history stay, devices have to be added anew.',
    done: 'The new card is there',
  },
  family: {
    open: 'Family cards',
    title: 'Family cards',
    text: 'The cards of a spouse or a child earn and spend your points within limits you set. No names are kept.',
    none: 'No family cards yet',
    relation: { spouse: 'Spouse', child: 'Child' },
    whose: 'Whose card',
    new: 'A new card',
    order: { virtual: 'In a phone', plastic: 'Plastic' },
    ordered: 'The card is ordered',
    give: 'To a phone',
    phone: 'Family phone',
    giftQr: 'QR with the link for the family’s phone',
    giftHint:
      'Take this QR with the other phone’s camera: the card opens there and works without network. The link is shown once; forward it to nobody.',
    back: 'Done',
    limit: {
      earn_per_day: 'Earns a day',
      earn_per_month: 'Earns a month',
      redeem_per_day: 'Redeem a day, ₽',
      redeem_per_month: 'Redeem a month, ₽',
    },
    noLimit: 'no limit',
    wrongLimit: 'Enter a number',
    save: 'Save limits',
    saved: 'Limits saved',
  },
}
