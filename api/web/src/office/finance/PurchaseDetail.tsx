/** A purchase and why it brought what it brought. */
import { Anchor, Badge, Group, List, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { api, ask } from '../../api/client'
import type { Explanation, Purchase } from '../../api/types'
import { broughtBack, soldOf } from '../../ui/sold'
import { Loaded } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Facts } from '../parts/Facts'
import { MAY } from '../sections'
import { useMay } from '../staff'

export function PurchaseDetail({ id }: { id: string }) {
  const purchase = useQuery({
    queryKey: ['purchase', id],
    queryFn: () => ask(api.GET('/v1/purchases/{id}', { params: { path: { id } } })),
  })
  const mayExplain = useMay(MAY.explainPurchase)
  const explanation = useQuery({
    enabled: mayExplain,
    queryKey: ['explanation', id],
    queryFn: () => ask(api.GET('/v1/purchases/{id}/explanation', { params: { path: { id } } })),
  })
  return (
    <Stack gap="md" data-testid="purchase-detail">
      <Loaded query={purchase}>{(data) => <Sums purchase={data} />}</Loaded>
      {mayExplain ? <Loaded query={explanation}>{(data) => <Why explanation={data} />}</Loaded> : null}
    </Stack>
  )
}

function Sums({ purchase }: { purchase: Purchase }) {
  const { t, rubles, dayShort } = useWords()
  const { cashback } = purchase
  const sold = soldOf(purchase)
  return (
    <div>
      <Group justify="space-between" mb="xs">
        <Title order={3} size="h6">
          {t('detail.receipt', { receipt: purchase.receipt })}
        </Title>
        <Badge color={purchase.status === 'posted' ? 'green' : 'amber'}>
          {t(`purchaseStatus.${purchase.status}`, { defaultValue: purchase.status })}
        </Badge>
      </Group>
      <Facts
        rows={[
          [t('detail.outlet'), purchase.outlet],
          [t('detail.amount'), rubles(purchase.amount)],
          [t('detail.captured'), purchase.captured ? rubles(purchase.captured.amount) : null],
          [t('detail.redeemed'), rubles(sold.redeemed)],
          [t('detail.paid'), rubles(sold.paid)],
          [t('detail.cashback'), rubles(cashback.amount)],
          [t('detail.available'), cashback.available_at ? dayShort(cashback.available_at) : null],
          [t('detail.expires'), cashback.expires_on ? dayShort(cashback.expires_on) : null],
          [t('detail.commission'), rubles(purchase.commission)],
          [t('detail.refunded'), rubles(broughtBack(purchase))],
        ]}
      />
    </div>
  )
}

function Why({ explanation }: { explanation: Explanation }) {
  const { t, rubles } = useWords()
  const whole = explanation.lines.filter((line) => !explanation.rules.some(({ text }) => text === line))
  return (
    <div>
      <Title order={3} size="h6" mb={4}>
        {t('detail.why')}
      </Title>
      <List size="sm" spacing={4}>
        {whole.map((line) => (
          <List.Item key={line}>{line}</List.Item>
        ))}
      </List>
      {explanation.rules.map((rule) => (
        <Group
          key={`${rule.id} ${rule.version}`}
          justify="space-between"
          align="flex-start"
          wrap="nowrap"
          mt="sm"
        >
          <div>
            <Text size="sm">{rule.text}</Text>
            <Anchor component={Link} href={`/rules/${rule.id}`} size="xs">
              {t('detail.version', { version: rule.version })}
            </Anchor>
          </div>
          <Badge color={rule.applied ? 'green' : 'gray'}>
            {rule.applied ? rubles(rule.amount ?? '0.00', true) : t('detail.notApplied')}
          </Badge>
        </Group>
      ))}
    </div>
  )
}
