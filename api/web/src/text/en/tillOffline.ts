/** Words of the till without network. */
export const tillOffline = {
  title_one: '{{count}} receipt waits to be sent',
  title_other: '{{count}} receipts wait to be sent',
  waiting: 'taken at {{at}}, goes out by itself',
  waits: 'waits for network',
  refused: 'not taken',
  drop: 'Remove from the queue',
  queue: 'Queue it',
  queued: 'The purchase is queued',
  queuedHint: 'It goes out by itself when the network is back. The customer sees the cashback on their page.',
  earnsOnly: 'Without network points can be earned, not spent.',
  twice: 'This receipt is in the queue already',
  askAgain: 'Check again',
  verdict: {
    good: {
      word: 'The card is valid',
      reason: 'the proof is signed by the union; it can earn without network',
    },
    'not-a-proof': {
      word: 'No network',
      reason:
        'The server did not answer. Check again, or ask the customer to show the code “Till offline”: it can be checked without internet.',
    },
    forged: { word: 'The signature is wrong', reason: 'This is no proof of the union.' },
    'unknown-key': { word: 'Unknown key', reason: 'The till has to be online once to renew its keys.' },
    expired: { word: 'The proof has run out', reason: 'Let the customer renew the card online.' },
    revoked: {
      word: 'The card is revoked',
      reason: 'Nothing can be earned. The customer’s union will help.',
    },
  },
}
