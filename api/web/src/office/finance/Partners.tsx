/** The partners, with a link to what each owes; terms, rates and outlets of one open beside them. */
import { Anchor } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useLocation } from 'wouter'
import type { Partner } from '../../api/types'
import { Empty, Loaded } from '../../ui/states'
import { useWords, type Words } from '../../ui/words'
import { Beside } from '../parts/Beside'
import { type Column, DataTable } from '../parts/DataTable'
import { Guarded } from '../parts/Guarded'
import { PageHead } from '../parts/PageHead'
import { ALLOWED, maySee } from '../sections'
import { useStaff } from '../staff'
import { ledgerPath } from './accountWords'
import { PartnerRecord } from './PartnerRecord'
import { partnersQuery } from './partnersQuery'

export default function Partners({ chosen }: { chosen?: string | undefined }) {
  return (
    <Guarded section="partners">
      <Page chosen={chosen} />
    </Guarded>
  )
}

function Page({ chosen }: { chosen: string | undefined }) {
  const words = useWords()
  const { t } = words
  const { role } = useStaff()
  const [, go] = useLocation()
  const partners = useQuery(partnersQuery())
  const opened = partners.data?.find(({ code }) => code === chosen)
  return (
    <>
      <PageHead title={t('partners.title')} />
      <Beside
        title={opened?.name ?? ''}
        record={opened ? <PartnerRecord key={opened.code} code={opened.code} /> : undefined}
        onClose={() => go('/partners')}
      >
        <Loaded query={partners} allowed={ALLOWED.partners}>
          {(rows) =>
            rows.length > 0 ? (
              <DataTable
                compact={opened !== undefined}
                label={t('partners.title')}
                exportName="partners"
                above={190}
                columns={columnsOf(words, maySee(role, 'ledger'))}
                rows={rows}
                rowKey={(row) => row.code}
                rowTestId="partner-row"
                chosen={opened?.code}
                onOpen={({ code }) => go(`/partners/${code}`)}
              />
            ) : (
              <Empty title={t('partners.empty')}>{t('partners.emptyHint')}</Empty>
            )
          }
        </Loaded>
      </Beside>
    </>
  )
}

function columnsOf({ t, share }: Words, ledger: boolean): Column<Partner>[] {
  const columns: Column<Partner>[] = [
    { key: 'name', wrap: true, title: t('partners.name'), cell: (row) => row.name, sort: (row) => row.name },
    {
      key: 'code',
      secondary: true,
      title: t('partners.code'),
      cell: (row) => row.code,
      sort: (row) => row.code,
    },
    {
      key: 'outlets',
      title: t('partners.outlets'),
      numeric: true,
      cell: (row) => row.outlets.length,
      sort: (row) => row.outlets.length,
    },
    {
      key: 'commission',
      title: t('partners.commission'),
      numeric: true,
      cell: (row) => share(row.commission_rate),
      sort: (row) => row.commission_rate,
    },
    {
      key: 'redeem',
      title: t('partners.redeem'),
      numeric: true,
      cell: (row) => share(row.redeem_share),
      sort: (row) => row.redeem_share,
    },
  ]
  if (!ledger) return columns
  return [
    ...columns,
    {
      key: 'owes',
      title: t('partners.account'),
      cell: (row) => (
        <Anchor component={Link} href={ledgerPath(`receivable:${row.code}`)} inherit>
          {t('partners.postings')}
        </Anchor>
      ),
    },
  ]
}
