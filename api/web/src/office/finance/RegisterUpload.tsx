/** Uploads a partner's register: whose, what to do with it, the file. */
import { FileInput, Modal, Radio, Select, Stack } from '@mantine/core'
import { IconFileSpreadsheet } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useLocation } from 'wouter'
import { api, ask } from '../../api/client'
import { asProblem } from '../../api/problem'
import { CancelOr } from '../../ui/CancelOr'
import { ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { formOf } from '../parts/files'
import { useStaff } from '../staff'
import { partnersQuery } from './partnersQuery'

type Mode = 'post' | 'compare'

export function RegisterUpload({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useWords()
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('registers.upload')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <UploadForm onClose={onClose} />
    </Modal>
  )
}

function UploadForm({ onClose }: { onClose: () => void }) {
  const { t } = useWords()
  const [, go] = useLocation()
  const queries = useQueryClient()
  const staff = useStaff()
  const partners = useQuery({ ...partnersQuery(), enabled: !staff.partner })
  const [partner, setPartner] = useState<string | null>(staff.partner?.code ?? null)
  const [mode, setMode] = useState<Mode>('post')
  const [file, setFile] = useState<File | null>(null)
  const [tried, setTried] = useState(false)
  const sending = useMutation({
    mutationFn: (form: FormData) =>
      ask(api.POST('/v1/registers', { body: form as never, bodySerializer: (body) => body as never })),
    onSuccess: async ({ id }) => {
      await queries.invalidateQueries({ queryKey: ['registers'] })
      onClose()
      go(`/registers/${id}`)
    },
  })
  const problem = sending.error ? asProblem(sending.error) : undefined

  function submit(event: FormEvent) {
    event.preventDefault()
    setTried(true)
    if (!file || !partner || sending.isPending) return
    sending.mutate(formOf({ ...(staff.partner ? {} : { partner }), mode, file }))
  }

  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {problem && !problem.field('file') && !problem.field('partner') ? (
          <ProblemNote error={problem} />
        ) : null}
        {staff.partner ? null : (
          <Select
            label={t('registers.partner')}
            placeholder={t('registers.choosePartner')}
            data={(partners.data ?? []).map(({ code, name }) => ({ value: code, label: name }))}
            value={partner}
            onChange={setPartner}
            searchable
            data-testid="register-partner"
            error={tried && !partner ? t('registers.needPartner') : problem?.field('partner')}
          />
        )}
        <Radio.Group
          label={t('registers.mode')}
          value={mode}
          onChange={(value) => setMode(value === 'compare' ? 'compare' : 'post')}
        >
          <Stack gap="xs" mt={6}>
            <Radio value="post" label={t('mode.post.name')} description={t('mode.post.hint')} />
            <Radio value="compare" label={t('mode.compare.name')} description={t('mode.compare.hint')} />
          </Stack>
        </Radio.Group>
        <FileInput
          label={t('registers.file')}
          description={t('registers.fileHint')}
          placeholder={t('registers.chooseFile')}
          accept=".csv,.xlsx,text/csv"
          leftSection={<IconFileSpreadsheet size={18} />}
          clearable
          clearButtonProps={{ 'aria-label': t('clear') }}
          value={file}
          onChange={setFile}
          fileInputProps={{ 'data-testid': 'register-file' } as never}
          error={tried && !file ? t('registers.needFile') : problem?.field('file')}
        />
        <CancelOr onCancel={onClose} type="submit" loading={sending.isPending} data-testid="register-send">
          {t('registers.send')}
        </CancelOr>
      </Stack>
    </form>
  )
}
