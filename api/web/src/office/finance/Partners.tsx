/** The partners and their outlets, with a link to what each owes. */
import { Anchor, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import type { Partner } from '../../api/types'
import { Empty, Loaded } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Beside } from '../parts/Beside'
import { type Column, DataTable } from '../parts/DataTable'
import { Facts } from '../parts/Facts'
import { Guarded } from '../parts/Guarded'
import { PageHead } from '../parts/PageHead'
import { ALLOWED } from '../sections'
import { ledgerPath } from './accountWords'
import { FiscalDrives } from './FiscalDrives'
import { partnersQuery } from './partnersQuery'

export default function Partners() {
  return (
    <Guarded section="partners">
      <Page />
    </Guarded>
  )
}

function Page() {
  const words = useWords()
  const { t } = words
  const partners = useQuery(partnersQuery())
  const [chosen, setChosen] = useState<Partner>()
  return (
    <>
      <PageHead title={t('partners.title')} />
      <Beside
        title={chosen?.name ?? ''}
        record={chosen ? <Outlets partner={chosen} /> : undefined}
        onClose={() => setChosen(undefined)}
      >
        <Loaded query={partners} allowed={ALLOWED.partners}>
          {(rows) =>
            rows.length > 0 ? (
              <DataTable
                compact={chosen !== undefined}
                label={t('partners.title')}
                exportName="partners"
                above={190}
                columns={columnsOf(words)}
                rows={rows}
                rowKey={(row) => row.code}
                chosen={chosen?.code}
                onOpen={setChosen}
              />
            ) : (
              <Empty title={t('partners.empty')} />
            )
          }
        </Loaded>
      </Beside>
    </>
  )
}

function columnsOf({ t, share }: ReturnType<typeof useWords>): Column<Partner>[] {
  return [
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

function Outlets({ partner }: { partner: Partner }) {
  return (
    <Stack gap="lg">
      {partner.outlets.map(({ code, name, town, zone }) => (
        <div key={code}>
          <Facts rows={[[code, [name, town, zone].filter(Boolean).join(' · ')]]} />
          <FiscalDrives outlet={code} />
        </div>
      ))}
    </Stack>
  )
}
