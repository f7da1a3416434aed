/** The answer to a scan, seen from across the counter: green or red, a word, and the reason. */
import { IconCheck, IconX } from '@tabler/icons-react'
import type { Problem } from '../api/problem'
import type { Resolution } from '../api/types'
import { problemWords } from '../ui/states'
import { useWords, type Words } from '../ui/words'

export type Verdict = { resolution: Resolution } | { problem: Problem }

export function isGood(verdict: Verdict): verdict is { resolution: Resolution } {
  return 'resolution' in verdict && verdict.resolution.status === 'valid'
}

export function Band({ verdict }: { verdict: Verdict }) {
  const words = useWords()
  const good = isGood(verdict)
  const { word, reason } = verdictWords(verdict, words)
  return (
    <div
      className="band"
      data-testid="band"
      data-status={good ? 'valid' : 'invalid'}
      role={good ? 'status' : 'alert'}
    >
      {good ? <IconCheck size={34} stroke={2.4} aria-hidden /> : <IconX size={34} stroke={2.4} aria-hidden />}
      <div>
        <div className="band-word">{word}</div>
        <div>{reason}</div>
      </div>
    </div>
  )
}

function verdictWords(verdict: Verdict, words: Words): { word: string; reason: string } {
  const { t, exists, rubles } = words
  if ('problem' in verdict) {
    const { problem } = verdict
    const key = `band.${problem.slug}`
    if (exists(`${key}.word`)) return { word: t(`${key}.word`), reason: t(`${key}.reason`) }
    const { title, detail } = problemWords(problem, words)
    return { word: title, reason: detail }
  }
  const { status, may_redeem, available } = verdict.resolution
  if (status !== 'valid')
    return { word: t(`band.card-${status}.word`), reason: t(`band.card-${status}.reason`) }
  const reason =
    may_redeem && available
      ? t('band.earnAndRedeem', { amount: rubles(available) })
      : may_redeem
        ? t('band.mayRedeem')
        : t('band.earnOnly')
  return { word: t('band.valid'), reason }
}
