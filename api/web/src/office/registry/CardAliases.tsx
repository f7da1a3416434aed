/** The other numbers a card answers to: seen, added, taken away. */
import { ActionIcon, Button, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import type { CardRecord } from '../../api/types'
import { ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Confirm } from '../parts/Confirm'
import { MAY } from '../sections'
import { useMay } from '../staff'

export function CardAliases({ card }: { card: CardRecord }) {
  const { t } = useWords()
  const may = useMay(MAY.keepNumbers)
  const queries = useQueryClient()
  const [text, setText] = useState('')
  const [going, setGoing] = useState<string>()
  const path = { id: card.id }
  const onSuccess = () => queries.invalidateQueries({ queryKey: ['card', card.id] })
  const adding = useMutation({
    mutationFn: (alias: string) =>
      ask(api.POST('/v1/cards/{id}/aliases', { params: { path }, body: { alias } })),
    onSuccess: async () => {
      setText('')
      await onSuccess()
    },
  })
  const removing = useMutation({
    mutationFn: (alias: string) =>
      ask(api.DELETE('/v1/cards/{id}/aliases', { params: { path, query: { alias } } })),
    onSuccess: async () => {
      setGoing(undefined)
      await onSuccess()
    },
  })
  const problem = adding.error ? asProblem(adding.error) : undefined
  function add(event: FormEvent) {
    event.preventDefault()
    if (text.trim()) adding.mutate(text.trim())
  }
  return (
    <div>
      <Title order={3} size="h6" mb="xs">
        {t('officeCards.aliases')}
      </Title>
      <Stack gap={4}>
        {card.aliases.length === 0 ? (
          <Text size="sm" c="dimmed">
            {t('officeCards.noAliases')}
          </Text>
        ) : null}
        {card.aliases.map((alias) => (
          <Group key={alias} justify="space-between" wrap="nowrap" data-testid="card-alias">
            <Text size="sm" className="digits">
              {alias}
            </Text>
            {may ? (
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={t('officeCards.removeAlias', { alias })}
                onClick={() => setGoing(alias)}
              >
                <IconX size={16} />
              </ActionIcon>
            ) : null}
          </Group>
        ))}
      </Stack>
      {going ? (
        <Confirm
          title={t('officeCards.removeTitle', { alias: going })}
          text={t('officeCards.removeText')}
          action={t('officeCards.removeDo')}
          doing={removing}
          allowed={MAY.keepNumbers}
          onConfirm={() => removing.mutate(going)}
          onClose={() => setGoing(undefined)}
        />
      ) : null}
      {may ? (
        <form onSubmit={add}>
          <Group mt="xs" align="flex-end" gap="xs" wrap="nowrap">
            <TextInput
              size="xs"
              flex={1}
              label={t('officeCards.newAlias')}
              maxLength={32}
              value={text}
              error={problem?.field('alias')}
              data-testid="alias-text"
              onChange={(event) => setText(event.currentTarget.value)}
            />
            <Button
              size="xs"
              type="submit"
              variant="default"
              loading={adding.isPending}
              data-testid="alias-add"
            >
              {t('officeCards.addAlias')}
            </Button>
          </Group>
          {problem && !problem.field('alias') ? (
            <ProblemNote error={problem} allowed={MAY.keepNumbers} />
          ) : null}
        </form>
      ) : null}
    </div>
  )
}
