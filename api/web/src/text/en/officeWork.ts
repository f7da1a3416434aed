/** Words about what waits for a decision. */
export const work = {
  waiting: {
    title: 'Waiting for you',
    nothing: 'all done',
    badge_one: '{{count}} waiting',
    badge_other: '{{count}} waiting',
    print: 'Cards to print',
    printHint: 'put them into batches',
    batches: 'Batches at work',
    batchesHint: 'send, receive, hand out',
    fraud: 'Suspicious purchases',
    fraudHint: 'look and decide',
    claims: 'Claims without an outlet',
    claimsHint: 'find whose till it is',
    corrections: 'Corrections',
    correctionsHint: 'approve or decline',
    drafts: 'Drafts of rules',
    draftsHint: 'check and bring into force',
    tiers: 'A change of tiers',
    tiersHint: 'approve',
  },
}
