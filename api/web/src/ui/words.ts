/** `t` and the formats that depend on the language, in one hook. */
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import * as moment from './moment'
import * as money from './money'

export function useWords() {
  const { t, i18n } = useTranslation()
  const language = i18n.language
  return useMemo(
    () => ({
      t,
      language,
      exists: (key: string) => i18n.exists(key),
      rubles: (amount: string, signed = false) => money.rubles(amount, language, signed),
      figure: (amount: string, signed = false) => money.figure(amount, language, signed),
      share: (rate: string) => money.share(rate, language),
      count: (value: number) => money.count(value, language),
      day: (at: string) => moment.day(at, language),
      dayShort: (at: string) => moment.dayShort(at, language),
      clock: (at: string) => moment.clock(at, language),
      dayAndTime: (at: string) => moment.dayAndTime(at, language),
      stamp: (at: string) => moment.stamp(at, language),
      dayStamp: (at: string) => moment.dayStamp(at, language),
      /** "сегодня, 14:05", "вчера, 19:41", "12 октября, 18:31" */
      near: (at: string) => {
        const ago = moment.daysAgo(at)
        const date = ago === 0 ? t('today') : ago === 1 ? t('yesterday') : moment.dayShort(at, language)
        return `${date}, ${moment.clock(at, language)}`
      },
    }),
    [t, i18n, language],
  )
}

export type Words = ReturnType<typeof useWords>
