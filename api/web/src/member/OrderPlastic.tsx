/** Orders a plastic card, for whoever has none. */
import { Button, Stack, Text } from '@mantine/core'
import { IconCreditCard } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, ask } from '../api/client'
import { useAnnounce } from '../ui/Announcer'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

const LIVING = ['ordered', 'issued', 'active']

export function OrderPlastic() {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const cards = useQuery({
    queryKey: ['cards'],
    queryFn: async () => (await ask(api.GET('/v1/me/cards', { params: { query: { limit: 200 } } }))).items,
  })
  const ordering = useMutation({
    mutationFn: () => ask(api.POST('/v1/me/cards', { body: { kind: 'plastic' } })),
    onSuccess: async () => {
      say(t('plastic.ordered'))
      await queries.invalidateQueries({ queryKey: ['cards'] })
    },
  })
  // A family's cards are ordered beside it.
  const plastic = cards.data?.find(
    ({ kind, status, relation }) => kind === 'plastic' && !relation && LIVING.includes(status),
  )
  if (!cards.data) return null
  if (plastic) {
    return plastic.status === 'active' ? null : (
      <Text size="sm" c="dimmed" data-testid="plastic-status">
        {t(`plastic.${plastic.status}`)}
      </Text>
    )
  }
  return (
    <Stack gap="xs">
      {ordering.error ? <ProblemNote error={ordering.error} /> : null}
      <Button
        variant="default"
        leftSection={<IconCreditCard size={18} />}
        loading={ordering.isPending}
        data-testid="order-plastic"
        onClick={() => ordering.mutate()}
      >
        {t('plastic.order')}
      </Button>
      <Text size="xs" c="dimmed">
        {t('plastic.hint')}
      </Text>
    </Stack>
  )
}
