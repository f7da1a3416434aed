/** Слова о том, что ждёт решения. */
export const work = {
  waiting: {
    title: 'Ждёт вас',
    nothing: 'всё сделано',
    badge_one: 'ждёт {{count}}',
    badge_few: 'ждут {{count}}',
    badge_many: 'ждут {{count}}',
    badge_other: 'ждут {{count}}',
    print: 'Карт к печати',
    printHint: 'собрать в партии',
    batches: 'Партий в работе',
    batchesHint: 'отправить, принять, выдать',
    corrections: 'Исправлений',
    correctionsHint: 'подтвердить или отклонить',
    drafts: 'Черновиков правил',
    draftsHint: 'проверить и ввести в действие',
    tiers: 'Изменение уровней',
    tiersHint: 'подтвердить',
  },
}
