/** A case: the evidence, the purchase, and what each decision does, said before it is done. */
import { Alert, Button, Checkbox, Group, List, Stack, Text, Textarea, Title } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import type { FraudCase } from '../../api/types'
import { CancelOr } from '../../ui/CancelOr'
import { ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Facts } from '../parts/Facts'
import { MAY } from '../sections'
import { useMay } from '../staff'
import { evidenceOf, evidenceWords } from './fraudWords'
import { PurchaseDetail } from './PurchaseDetail'

export function FraudRecord({ found }: { found: FraudCase }) {
  const words = useWords()
  const { t, stamp, rubles } = words
  const may = useMay(MAY.decideFraud)
  const open = found.status === 'held' || found.status === 'watched'
  return (
    <Stack gap="md" data-testid="fraud-case" data-status={found.status}>
      <div>
        <Title order={3} size="h6" mb={4}>
          {t('fraud.why')}
        </Title>
        <List size="sm" spacing={4}>
          {evidenceOf(found).map((one) => (
            <List.Item key={one.rule}>
              <Text span fw={500} inherit>
                {t(`fraud.rule.${one.rule}`, { defaultValue: one.rule })}
              </Text>
              {': '}
              {evidenceWords(one, words) || t('fraud.itself')}
            </List.Item>
          ))}
        </List>
      </div>
      <Facts
        rows={[
          [t('fraud.opened'), stamp(found.opened_at)],
          [t('fraud.source'), t(`fraud.sources.${found.source}`, { defaultValue: found.source })],
          [t('fraud.postedBy'), found.posted_by.email],
          [t('fraud.cashback'), rubles(found.cashback)],
          [t('fraud.left'), found.cashback_left === found.cashback ? null : rubles(found.cashback_left)],
          [
            t('fraud.decided'),
            found.decided_at
              ? [found.decided_by?.email, stamp(found.decided_at)].filter(Boolean).join(', ')
              : null,
          ],
          [t('fraud.comment'), found.comment],
        ]}
      />
      {open && may ? <Decide found={found} /> : null}
      {open && !may ? <Alert color="gray">{t('fraud.readOnly')}</Alert> : null}
      <PurchaseDetail id={found.purchase_id} />
    </Stack>
  )
}

type Verdict = 'release' | 'hold' | 'block'

function Decide({ found }: { found: FraudCase }) {
  const { t, rubles } = useWords()
  const queries = useQueryClient()
  const [comment, setComment] = useState('')
  const [card, setCard] = useState(false)
  const [asking, setAsking] = useState(false)
  const decide = useMutation({
    mutationFn: (verdict: Verdict) => {
      const said = comment.trim() ? { comment: comment.trim() } : {}
      const params = { path: { id: found.id } }
      if (verdict === 'release') return ask(api.POST('/v1/fraud/{id}/release', { params, body: said }))
      if (verdict === 'hold') return ask(api.POST('/v1/fraud/{id}/hold', { params, body: said }))
      return ask(api.POST('/v1/fraud/{id}/block', { params, body: { ...said, block_card: card } }))
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['fraud'] })
      await queries.invalidateQueries({ queryKey: ['purchase', found.purchase_id] })
      await queries.invalidateQueries({ queryKey: ['explanation', found.purchase_id] })
    },
  })
  const held = found.status === 'held'
  return (
    <Stack gap="sm">
      <Textarea
        label={t('fraud.comment')}
        description={t('fraud.commentHint')}
        maxLength={500}
        autosize
        value={comment}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
      {asking ? (
        <Alert color="red" title={t('fraud.blockTitle')}>
          <Stack gap="sm">
            <Text size="sm">{t('fraud.blockDoes', { amount: rubles(found.cashback_left) })}</Text>
            {found.card_id ? (
              <Checkbox
                label={t('fraud.blockCard')}
                checked={card}
                onChange={(event) => setCard(event.currentTarget.checked)}
              />
            ) : null}
            <CancelOr
              onCancel={() => setAsking(false)}
              color="red"
              loading={decide.isPending}
              data-testid="fraud-block-confirm"
              onClick={() => decide.mutate('block')}
            >
              {t('fraud.block')}
            </CancelOr>
          </Stack>
        </Alert>
      ) : (
        <>
          <Text size="sm" c="dimmed">
            {held ? t('fraud.releaseDoes') : t('fraud.holdDoes')}
          </Text>
          <Group>
            <Button
              loading={decide.isPending}
              data-testid="fraud-release"
              onClick={() => decide.mutate('release')}
            >
              {held ? t('fraud.release') : t('fraud.dismiss')}
            </Button>
            {held ? null : (
              <Button
                variant="default"
                loading={decide.isPending}
                data-testid="fraud-hold"
                onClick={() => decide.mutate('hold')}
              >
                {t('fraud.hold')}
              </Button>
            )}
            <Button
              color="red"
              variant="outline"
              data-testid="fraud-block"
              onClick={() => {
                decide.reset()
                setAsking(true)
              }}
            >
              {t('fraud.block')}
            </Button>
          </Group>
        </>
      )}
      {decide.error ? <ProblemNote error={decide.error} /> : null}
    </Stack>
  )
}
