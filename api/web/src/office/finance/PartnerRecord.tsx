/** A partner: its terms, the commission rates there were, its outlets. */
import { Stack, Text, Timeline, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, ask } from '../../api/client'
import type { PartnerRecord as Whole } from '../../api/types'
import { Loaded } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Facts } from '../parts/Facts'
import { ALLOWED, maySee } from '../sections'
import { useStaff } from '../staff'
import { FiscalDrives } from './FiscalDrives'
import { PartnerTerms } from './PartnerTerms'

export function PartnerRecord({ code }: { code: string }) {
  const partner = useQuery({
    queryKey: ['partner', code],
    queryFn: () => ask(api.GET('/v1/partners/{code}', { params: { path: { code } } })),
  })
  return (
    <Loaded query={partner} allowed={ALLOWED.partners}>
      {(found) => (
        <Stack gap="lg" data-testid="partner-record">
          <PartnerTerms partner={found} />
          <Rates rates={found.commission_rates} />
          <Outlets partner={found} />
        </Stack>
      )}
    </Loaded>
  )
}

function Rates({ rates }: { rates: Whole['commission_rates'] }) {
  const { t, share, stamp } = useWords()
  const held = ({ from, until }: Whole['commission_rates'][number]) => {
    if (from && until) return t('partners.rateBetween', { from: stamp(from), until: stamp(until) })
    if (until) return t('partners.rateUntil', { at: stamp(until) })
    return from ? t('partners.rateSince', { at: stamp(from) }) : t('partners.rateAlways')
  }
  return (
    <div>
      <Title order={3} size="h6">
        {t('partners.rates')}
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        {t('partners.ratesHint')}
      </Text>
      <Timeline bulletSize={12} lineWidth={2} active={0}>
        {rates.map((one) => (
          <Timeline.Item
            key={one.until ?? 'now'}
            title={[share(one.rate), one.until ? '' : t('partners.now')].filter(Boolean).join(' · ')}
            data-testid="partner-rate"
          >
            <Text size="sm" c="dimmed">
              {held(one)}
            </Text>
          </Timeline.Item>
        ))}
      </Timeline>
    </div>
  )
}

function Outlets({ partner }: { partner: Whole }) {
  const { t } = useWords()
  const { role } = useStaff()
  return (
    <Stack gap="md">
      <Title order={3} size="h6">
        {t('partners.outletsTitle')}
      </Title>
      {partner.outlets.length === 0 ? <Text size="sm">{t('partners.noOutlets')}</Text> : null}
      {partner.outlets.map(({ code, name, town, zone }) => (
        <div key={code}>
          <Facts rows={[[code, [name, town, zone].filter(Boolean).join(' · ')]]} />
          {/* Fiscal drives are the ledger people's. */}
          {maySee(role, 'ledger') ? <FiscalDrives outlet={code} /> : null}
        </div>
      ))}
    </Stack>
  )
}
