/** One member: who, where since when, cards, and what may be done. */
import { Anchor, Badge, Divider, Group, Stack, Text, Timeline, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { api, ask } from '../../api/client'
import type { MemberRecord as Record } from '../../api/types'
import { Loaded } from '../../ui/states'
import { useWords } from '../../ui/words'
import { Facts } from '../parts/Facts'
import { ALLOWED } from '../sections'
import { MemberActions } from './MemberActions'
import { MemberCards } from './MemberCards'
import { fullName, MEMBER_COLOR } from './people'

export function MemberRecord({ id }: { id: string }) {
  const member = useQuery({
    queryKey: ['member', id],
    queryFn: () => ask(api.GET('/v1/members/{id}', { params: { path: { id } } })),
  })
  return (
    <Loaded query={member} allowed={ALLOWED.members}>
      {(data) => (
        <Stack gap="md" data-testid="member-record">
          <Who member={data} />
          <Divider />
          <MemberCards member={data} />
          <Divider />
          <History member={data} />
          <MemberActions member={data} />
        </Stack>
      )}
    </Loaded>
  )
}

function Who({ member }: { member: Record }) {
  const { t, day } = useWords()
  return (
    <div>
      <Group justify="space-between" align="flex-start" wrap="nowrap" mb="xs">
        <Title order={3} size="h5">
          {fullName(member)}
        </Title>
        <Badge color={MEMBER_COLOR[member.status] ?? 'gray'}>{t(`memberStatus.${member.status}`)}</Badge>
      </Group>
      <Facts
        rows={[
          [
            t('merge.into_note'),
            member.merged_into ? (
              <Anchor key="merged" component={Link} href={`/members/${member.merged_into}`} inherit>
                {t('merge.stays')}
              </Anchor>
            ) : null,
          ],
          [t('members.number'), member.membership_number],
          [
            t('members.organisation'),
            <Anchor
              key="organisation"
              component={Link}
              href={`/organisations/${member.organisation.code}`}
              inherit
            >
              {member.organisation.name}
            </Anchor>,
          ],
          [t('members.born'), member.birth_date ? day(member.birth_date) : null],
          [t('members.sex'), member.sex ? t(`sex.${member.sex}`) : null],
          [t('members.category'), t(`category.${member.category || 'unspecified'}`)],
          [t('members.position'), member.position],
          [t('members.phone'), member.phone],
          [t('members.email'), member.email],
          [t('members.joined'), member.joined_on ? day(member.joined_on) : null],
          [t('members.consent'), member.consent_on ? day(member.consent_on) : t('members.noConsent')],
        ]}
      />
    </div>
  )
}

function History({ member }: { member: Record }) {
  const { t, day, exists } = useWords()
  // A stretch that ended by a transfer ends with that word; else with what somebody said.
  const said = (ended: string | null | undefined) =>
    ended && !exists(`stayReason.${ended}`) && ended !== 'merged' && ended !== 'left' ? ended : null
  return (
    <div>
      <Title order={3} size="h6" mb="xs">
        {t('members.history')}
      </Title>
      <Timeline bulletSize={12} lineWidth={2} active={member.history.length}>
        {member.history.map((stay) => (
          <Timeline.Item key={`${stay.organisation.code} ${stay.from}`} title={stay.organisation.name}>
            <Text size="sm" c="dimmed">
              {stay.until
                ? t('members.stay', { from: day(stay.from), until: day(stay.until) })
                : t('members.since', { from: day(stay.from) })}
              {stay.reason
                ? ` · ${exists(`stayReason.${stay.reason}`) ? t(`stayReason.${stay.reason}`) : stay.reason}`
                : null}
            </Text>
            {[stay.begin_words, said(stay.end_reason)].filter(Boolean).map((words) => (
              <Text key={words} size="sm">
                {t('members.said', { words })}
              </Text>
            ))}
          </Timeline.Item>
        ))}
      </Timeline>
    </div>
  )
}
