/** How an organisation's cards look: colours, title, fields, logo, and the face they make, as one types. */
import {
  Button,
  Checkbox,
  ColorInput,
  FileInput,
  Group,
  Image,
  Paper,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import { useAnnounce } from '../../ui/Announcer'
import { Empty, Loaded, ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Confirm } from '../parts/Confirm'
import { Guarded } from '../parts/Guarded'
import { PageHead } from '../parts/PageHead'
import { OrganisationPicker } from '../registry/OrganisationPicker'
import { useMay, useStaff } from '../staff'
import { type Design, MAY_PRINT } from './shapes'

const FIELDS = ['organisation', 'membership_number', 'member_since', 'valid_thru'] as const

export default function Designs() {
  const { t } = useWords()
  const { organisation } = useStaff()
  const [code, setCode] = useState<string | null>(organisation?.code ?? null)
  return (
    <Guarded section="designs">
      <PageHead title={t('nav.designs')} hint={t('designs.hint')} />
      <Stack>
        <Group maw={460} grow>
          <OrganisationPicker label={t('designs.organisation')} value={code} onChange={setCode} />
        </Group>
        {code ? <Holding key={code} code={code} /> : <Empty title={t('designs.choose')} />}
      </Stack>
    </Guarded>
  )
}

function Holding({ code }: { code: string }) {
  const holding = useQuery({
    queryKey: ['design', code],
    queryFn: async () =>
      (await ask(api.GET('/v1/designs', { params: { query: { organisation: code } } }))).items,
  })
  return (
    <Loaded query={holding}>
      {([design]) => <Editor key={design?.id ?? 'own'} code={code} design={design} />}
    </Loaded>
  )
}

interface Draft {
  base: string
  accent: string
  title: string
  fields: string[]
  logo: string | undefined
  keepLogo: boolean
}

function draftOf(design: Design | undefined): Draft {
  return {
    base: design?.base ?? '#10243e',
    accent: design?.accent ?? '#1b3d69',
    title: design?.title ?? '',
    fields: design?.fields ?? [...FIELDS],
    logo: undefined,
    keepLogo: design?.logo ?? false,
  }
}

function Editor({ code, design }: { code: string; design: Design | undefined }) {
  const { t } = useWords()
  const say = useAnnounce()
  const queries = useQueryClient()
  const may = useMay(MAY_PRINT)
  const [draft, setDraft] = useState(() => draftOf(design))
  const [name, setName] = useState('')
  const [retire, setRetire] = useState(false)
  const body = {
    organisation: code,
    base: draft.base,
    accent: draft.accent,
    fields: draft.fields,
    ...(draft.title.trim() ? { title: draft.title.trim() } : {}),
    ...(draft.logo ? { logo: draft.logo } : draft.keepLogo && design ? { logo_of: design.id } : {}),
  }
  const own = design?.organisation.code === code
  const storing = useMutation({
    mutationFn: () => ask(api.POST('/v1/designs', { body })),
    onSuccess: async () => {
      say(t('designs.stored'))
      await queries.invalidateQueries({ queryKey: ['design'] })
    },
  })
  const retiring = useMutation({
    mutationFn: (id: string) => ask(api.DELETE('/v1/designs/{id}', { params: { path: { id } } })),
    onSuccess: async () => {
      setRetire(false)
      await queries.invalidateQueries({ queryKey: ['design'] })
    },
  })
  const problem = storing.error ? asProblem(storing.error) : undefined
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
      <Paper className="surface" p="lg">
        <Stack>
          <Text size="sm" c="dimmed">
            {design
              ? own
                ? t('designs.own')
                : t('designs.inherited', { name: design.organisation.name })
              : t('designs.plain')}
          </Text>
          <Colours draft={draft} onChange={setDraft} error={problem?.field('accent')} />
          <TextInput
            label={t('designs.title')}
            description={t('designs.titleHint')}
            maxLength={120}
            value={draft.title}
            onChange={(event) => setDraft({ ...draft, title: event.currentTarget.value })}
          />
          <Checkbox.Group
            label={t('designs.fields')}
            value={draft.fields}
            onChange={(fields) =>
              setDraft({ ...draft, fields: FIELDS.filter((field) => fields.includes(field)) })
            }
          >
            <Stack gap="xs" mt="xs">
              {FIELDS.map((field) => (
                <Checkbox key={field} value={field} label={t(`designs.field.${field}`)} />
              ))}
            </Stack>
          </Checkbox.Group>
          <Logo draft={draft} onChange={setDraft} error={problem?.field('logo')} />
          {problem ? <ProblemNote error={problem} allowed={MAY_PRINT} /> : null}
          {retire && design ? (
            <Confirm
              title={t('designs.retireTitle')}
              text={t('designs.retireText')}
              action={t('designs.retire')}
              doing={retiring}
              allowed={MAY_PRINT}
              onConfirm={() => retiring.mutate(design.id)}
              onClose={() => setRetire(false)}
            />
          ) : null}
          {may ? (
            <Group>
              <Button loading={storing.isPending} data-testid="design-store" onClick={() => storing.mutate()}>
                {t('designs.store')}
              </Button>
              {own && design ? (
                <Button variant="subtle" data-testid="design-retire" onClick={() => setRetire(true)}>
                  {t('designs.retire')}
                </Button>
              ) : null}
            </Group>
          ) : null}
        </Stack>
      </Paper>
      <Stack>
        <TextInput
          label={t('designs.name')}
          maxLength={150}
          value={name}
          placeholder="Константинопольская-Заблоцкая Александра Вячеславовна"
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {may ? <Preview body={body} name={name} /> : design ? <Stored design={design} name={name} /> : null}
      </Stack>
    </SimpleGrid>
  )
}

interface PartProps {
  draft: Draft
  onChange: (draft: Draft) => void
  error: string | undefined
}

function Colours({ draft, onChange, error }: PartProps) {
  const { t } = useWords()
  const picker = { eyeDropperButtonProps: { 'aria-label': t('designs.pick') } }
  return (
    <SimpleGrid cols={2}>
      <ColorInput
        label={t('designs.base')}
        format="hex"
        value={draft.base}
        onChange={(base) => onChange({ ...draft, base })}
        {...picker}
      />
      <ColorInput
        label={t('designs.accent')}
        format="hex"
        value={draft.accent}
        onChange={(accent) => onChange({ ...draft, accent })}
        {...(error ? { error } : {})}
        {...picker}
      />
    </SimpleGrid>
  )
}

function Logo({ draft, onChange, error }: PartProps) {
  const { t } = useWords()
  const [file, setFile] = useState<File | null>(null)
  async function choose(chosen: File | null) {
    setFile(chosen)
    onChange({ ...draft, keepLogo: false, logo: chosen ? await base64(chosen) : undefined })
  }
  return (
    <div>
      <FileInput
        label={t('designs.logo')}
        description={t('designs.logoHint')}
        accept="image/png,image/jpeg"
        clearable
        clearButtonProps={{ 'aria-label': t('clear') }}
        value={file}
        onChange={(chosen) => void choose(chosen)}
        {...(error ? { error } : {})}
      />
      {draft.keepLogo ? (
        <Button
          size="compact-sm"
          variant="subtle"
          mt={6}
          onClick={() => onChange({ ...draft, keepLogo: false })}
        >
          {t('designs.dropLogo')}
        </Button>
      ) : null}
    </div>
  )
}

/** The bytes without the `data:` prefix. */
function base64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result).split(',')[1] ?? '')
    reader.onerror = () => reject(reader.error)
    reader.readAsDataURL(file)
  })
}

interface PreviewProps {
  body: Parameters<typeof drawn>[0]
  name: string
}

async function drawn(
  design: {
    organisation: string
    base: string
    accent: string
    fields: string[]
    title?: string
    logo?: string
    logo_of?: string
  },
  name: string,
): Promise<Blob> {
  const body = { design, ...(name.trim() ? { name: name.trim() } : {}) }
  return (await ask(api.POST('/v1/designs/preview', { body, parseAs: 'blob' }))) as unknown as Blob
}

function Preview({ body, name }: PreviewProps) {
  const [asked] = useDebouncedValue({ body, name }, 300)
  const picture = useQuery({
    queryKey: ['design-preview', asked],
    queryFn: () => drawn(asked.body, asked.name),
    placeholderData: (before) => before,
    gcTime: 10_000,
  })
  return <Loaded query={picture}>{(blob) => <Face blob={blob} />}</Loaded>
}

function Stored({ design, name }: { design: Design; name: string }) {
  const [asked] = useDebouncedValue(name.trim(), 300)
  const picture = useQuery({
    queryKey: ['design-stored', design.id, asked],
    queryFn: async () =>
      (await ask(
        api.GET('/v1/designs/{id}/preview.png', {
          params: { path: { id: design.id }, query: asked ? { name: asked } : {} },
          parseAs: 'blob',
        }),
      )) as unknown as Blob,
  })
  return <Loaded query={picture}>{(blob) => <Face blob={blob} />}</Loaded>
}

function Face({ blob }: { blob: Blob }) {
  const { t } = useWords()
  const [address, setAddress] = useState<string>()
  useEffect(() => {
    const made = URL.createObjectURL(blob)
    setAddress(made)
    return () => URL.revokeObjectURL(made)
  }, [blob])
  return address ? (
    <Image src={address} alt={t('designs.preview')} radius={14} maw={520} data-testid="design-preview" />
  ) : null
}
