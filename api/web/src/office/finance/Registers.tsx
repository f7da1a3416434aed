/** Partners' registers: what was uploaded, and how it stands. */
import { Badge, Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconUpload } from '@tabler/icons-react'
import { useLocation } from 'wouter'
import { api, ask } from '../../api/client'
import type { Register } from '../../api/types'
import { Empty, Loaded } from '../../ui/states'
import { useWords } from '../../ui/words'
import { type Column, DataTable } from '../parts/DataTable'
import { STATUS_COLOR } from '../parts/FileReport'
import { Guarded } from '../parts/Guarded'
import { More } from '../parts/More'
import { PageHead } from '../parts/PageHead'
import { usePaged } from '../parts/usePaged'
import { ALLOWED, MAY } from '../sections'
import { useMay } from '../staff'
import { usePartnerNames } from './partnersQuery'
import { RegisterUpload } from './RegisterUpload'

export default function Registers() {
  return (
    <Guarded section="registers">
      <Page />
    </Guarded>
  )
}

function Page() {
  const words = useWords()
  const { t } = words
  const [, go] = useLocation()
  const names = usePartnerNames()
  const [uploading, { open, close }] = useDisclosure(false)
  const may = useMay(MAY.uploadRegister)
  const list = usePaged<Register>(['registers'], (paging, signal) =>
    ask(api.GET('/v1/registers', { params: { query: paging }, signal })),
  )
  return (
    <>
      <PageHead title={t('registers.title')} hint={t('registers.hint')}>
        {may ? (
          <Button leftSection={<IconUpload size={18} />} data-testid="register-upload" onClick={open}>
            {t('registers.upload')}
          </Button>
        ) : null}
      </PageHead>
      <Loaded query={list.loaded} allowed={ALLOWED.registers}>
        {(rows) =>
          rows.length > 0 ? (
            <DataTable
              label={t('registers.title')}
              exportName="registers"
              columns={columnsOf(words, names)}
              rows={rows}
              rowKey={(row) => row.id}
              rowTestId="register-row"
              onOpen={(row) => go(`/registers/${row.id}`)}
              under={<More count={rows.length} more={list.more} busy={list.busy} />}
            />
          ) : (
            <Empty title={t('registers.empty')}>{t('registers.emptyHint')}</Empty>
          )
        }
      </Loaded>
      <RegisterUpload opened={uploading} onClose={close} />
    </>
  )
}

function columnsOf(
  { t, stamp, count }: ReturnType<typeof useWords>,
  names: Map<string, string>,
): Column<Register>[] {
  const partner = (row: Register) => names.get(row.partner) ?? row.partner
  return [
    {
      key: 'created',
      title: t('registers.created'),
      cell: (row) => (row.created_at ? stamp(row.created_at) : '—'),
      sort: (row) => row.created_at ?? '',
    },
    { key: 'partner', title: t('registers.partner'), cell: partner, sort: partner },
    {
      key: 'file',
      wrap: true,
      title: t('registers.file'),
      cell: (row) => row.file_name,
      sort: (row) => row.file_name,
    },
    {
      key: 'mode',
      title: t('registers.modeShort'),
      cell: (row) => t(`mode.${row.mode}.name`),
      sort: (row) => row.mode,
    },
    {
      key: 'status',
      title: t('registers.status'),
      cell: (row) => <Badge color={STATUS_COLOR[row.status] ?? 'gray'}>{t(`jobStatus.${row.status}`)}</Badge>,
      sort: (row) => row.status,
    },
    {
      key: 'rows',
      title: t('registers.rows'),
      numeric: true,
      cell: (row) => count(row.rows),
      sort: (row) => row.rows,
    },
  ]
}
