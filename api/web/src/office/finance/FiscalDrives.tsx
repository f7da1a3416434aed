/** An outlet's fiscal drives: by them a member's receipt finds its partner. */
import { ActionIcon, Button, Group, Stack, Text, Textarea, Title } from '@mantine/core'
import { IconTrash } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '../../api/client'
import { Loaded, ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { MAY } from '../sections'
import { useMay } from '../staff'

export function FiscalDrives({ outlet }: { outlet: string }) {
  const { t, dayShort } = useWords()
  const may = useMay(MAY.decideFraud)
  const queries = useQueryClient()
  const key = ['fiscal-drives', outlet]
  const path = { code: outlet }
  const [text, setText] = useState('')
  const drives = useQuery({
    queryKey: key,
    queryFn: async () => (await ask(api.GET('/v1/outlets/{code}/fiscal-drives', { params: { path } }))).items,
  })
  const settled = () => queries.invalidateQueries({ queryKey: key })
  const add = useMutation({
    mutationFn: () =>
      ask(
        api.POST('/v1/outlets/{code}/fiscal-drives', {
          params: { path },
          // A column of a spreadsheet, a CSV or a list: whatever stands between the numbers.
          body: { drives: text.split(/[\s,;]+/).filter(Boolean) },
        }),
      ),
    onSuccess: async () => {
      setText('')
      await settled()
    },
  })
  const remove = useMutation({
    mutationFn: (drive: string) =>
      ask(api.DELETE('/v1/outlets/{code}/fiscal-drives/{drive}', { params: { path: { ...path, drive } } })),
    onSuccess: settled,
  })
  return (
    <Stack gap="xs" mt="sm" data-testid="fiscal-drives">
      <Title order={4} size="h6">
        {t('drives.title')}
      </Title>
      <Loaded query={drives}>
        {(items) =>
          items.length > 0 ? (
            items.map(({ drive, since }) => (
              <Group key={drive} justify="space-between" wrap="nowrap">
                <Text size="sm">
                  {drive}{' '}
                  <Text span size="xs" c="dimmed">
                    {t('drives.since', { day: dayShort(since) })}
                  </Text>
                </Text>
                {may ? (
                  <ActionIcon
                    variant="subtle"
                    color="red"
                    aria-label={t('drives.remove', { drive })}
                    onClick={() => remove.mutate(drive)}
                  >
                    <IconTrash size={18} />
                  </ActionIcon>
                ) : null}
              </Group>
            ))
          ) : (
            <Text size="sm" c="dimmed">
              {t('drives.empty')}
            </Text>
          )
        }
      </Loaded>
      {may ? (
        <>
          <Textarea
            label={t('drives.add')}
            description={t('drives.addHint')}
            autosize
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button
              size="xs"
              variant="default"
              disabled={text.trim() === ''}
              loading={add.isPending}
              onClick={() => add.mutate()}
            >
              {t('drives.save')}
            </Button>
          </Group>
        </>
      ) : null}
      {add.error ? <ProblemNote error={add.error} /> : null}
      {remove.error ? <ProblemNote error={remove.error} /> : null}
    </Stack>
  )
}
