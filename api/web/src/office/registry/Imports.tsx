/** Brings a file in: what it holds, the file, off it goes. */
import {
  Anchor,
  Button,
  Checkbox,
  FileInput,
  List,
  Paper,
  SegmentedControl,
  Stack,
  Text,
  Title,
} from '@mantine/core'
import { IconFileSpreadsheet } from '@tabler/icons-react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Link, useLocation } from 'wouter'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import { Loaded, ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { formOf } from '../parts/files'
import { Guarded } from '../parts/Guarded'
import { PageHead } from '../parts/PageHead'
import { MAY } from '../sections'
import { useMay } from '../staff'

type Kind = 'members' | 'organisations'

export default function Imports() {
  const { t } = useWords()
  return (
    <Guarded section="imports">
      <PageHead title={t('nav.imports')} hint={t('imports.hint')} />
      <Stack maw={640} gap="lg">
        <Own />
        <Recent />
      </Stack>
    </Guarded>
  )
}

/** Whoever only reads has no form. */
function Own() {
  return useMay(MAY.import) ? <ImportForm /> : null
}

const COLUMNS: Record<Kind, string> = {
  members:
    'membership_number, organisation_code, last_name, first_name, middle_name, sex, birth_date, phone, email, category, position, joined_on, consent_on',
  organisations: 'code, name, kind, parent_code, inn, region_code',
}

function ImportForm() {
  const { t } = useWords()
  const [, go] = useLocation()
  const [kind, setKind] = useState<Kind>('members')
  const [file, setFile] = useState<File | null>(null)
  const [notify, setNotify] = useState(false)
  const [tried, setTried] = useState(false)
  const sending = useMutation({
    mutationFn: (form: FormData) =>
      ask(api.POST('/v1/imports', { body: form as never, bodySerializer: (body) => body as never })),
    onSuccess: ({ id }) => {
      go(`/imports/${id}`)
    },
  })
  const problem = sending.error ? asProblem(sending.error) : undefined

  function submit(event: FormEvent) {
    event.preventDefault()
    setTried(true)
    if (!file || sending.isPending) return
    sending.mutate(formOf({ kind, ...(kind === 'members' && notify ? { notify: 'true' } : {}), file }))
  }

  return (
    <Paper className="surface" p="lg">
      <form onSubmit={submit} noValidate>
        <Stack>
          {problem && !problem.field('file') ? <ProblemNote error={problem} allowed={MAY.import} /> : null}
          <div>
            <Text size="sm" fw={500} mb={6}>
              {t('imports.kind')}
            </Text>
            <SegmentedControl
              aria-label={t('imports.kind')}
              value={kind}
              onChange={(value) => setKind(value === 'organisations' ? 'organisations' : 'members')}
              data={[
                { value: 'members', label: t('imports.members') },
                { value: 'organisations', label: t('imports.organisations') },
              ]}
            />
          </div>
          <FileInput
            label={t('imports.file')}
            description={t('imports.fileHint', { columns: COLUMNS[kind] })}
            placeholder={t('registers.chooseFile')}
            accept=".csv,.xlsx,text/csv"
            leftSection={<IconFileSpreadsheet size={18} />}
            clearable
            clearButtonProps={{ 'aria-label': t('clear') }}
            value={file}
            onChange={setFile}
            fileInputProps={{ 'data-testid': 'import-file' } as never}
            error={tried && !file ? t('registers.needFile') : problem?.field('file')}
          />
          {kind === 'members' ? (
            <Checkbox
              label={t('imports.notify')}
              description={t('imports.notifyHint')}
              checked={notify}
              onChange={(event) => setNotify(event.currentTarget.checked)}
            />
          ) : null}
          <Button type="submit" loading={sending.isPending} data-testid="import-send">
            {t('imports.send')}
          </Button>
        </Stack>
      </form>
    </Paper>
  )
}

function Recent() {
  const { t, near } = useWords()
  const imports = useQuery({
    queryKey: ['imports'],
    queryFn: async () => (await ask(api.GET('/v1/imports', { params: { query: { limit: 20 } } }))).items,
  })
  return (
    <section>
      <Title order={2} size="h5" mb="xs">
        {t('imports.recent')}
      </Title>
      <Loaded query={imports}>
        {(rows) =>
          rows.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t('imports.none')}
            </Text>
          ) : (
            <List size="sm" spacing={4}>
              {rows.map(({ id, file_name, kind, created_at }) => (
                <List.Item key={id}>
                  <Anchor component={Link} href={`/imports/${id}`}>
                    {file_name}
                  </Anchor>{' '}
                  · {t(`imports.${kind}`)} · {near(created_at)}
                </List.Item>
              ))}
            </List>
          )
        }
      </Loaded>
    </section>
  )
}
