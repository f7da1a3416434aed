/** One posting: its transfers, every account a link, and the purchase it came from. */
import { Anchor, Divider, Stack, Table, Text, Title } from '@mantine/core'
import { Link } from 'wouter'
import type { Posting } from '../../api/types'
import { useWords } from '../../ui/words'
import { Facts } from '../parts/Facts'
import { accountTitle, ledgerPath, useOwnerNames } from './accountWords'
import { PurchaseDetail } from './PurchaseDetail'

export function PostingRecord({ posting }: { posting: Posting }) {
  const { t, dayAndTime, day } = useWords()
  return (
    <Stack gap="md">
      <Facts
        rows={[
          [t('postings.at'), dayAndTime(posting.at)],
          [t('postings.booked'), day(posting.booked_on)],
          [t('postings.occurred'), posting.occurred_at ? dayAndTime(posting.occurred_at) : null],
        ]}
      />
      <div>
        <Title order={3} size="h6" mb={4}>
          {t('postings.transfers')}
        </Title>
        <Transfers posting={posting} />
      </div>
      {posting.purchase_id ? (
        <>
          <Divider />
          <PurchaseDetail id={posting.purchase_id} />
        </>
      ) : null}
    </Stack>
  )
}

function Transfers({ posting }: { posting: Posting }) {
  const words = useWords()
  const { t, figure } = words
  const nameOf = useOwnerNames()
  return (
    <Table fz="sm" layout="fixed">
      <Table.Tbody>
        {posting.transfers.map((transfer) => (
          <Table.Tr key={`${transfer.debit} ${transfer.credit} ${transfer.amount}`}>
            <Table.Td>
              <Anchor component={Link} href={ledgerPath(transfer.debit)} inherit>
                {accountTitle(transfer.debit, words, nameOf(transfer.debit))}
              </Anchor>
              <Text size="xs" c="dimmed" my={2}>
                {t('postings.into')}
              </Text>
              <Anchor component={Link} href={ledgerPath(transfer.credit)} inherit>
                {accountTitle(transfer.credit, words, nameOf(transfer.credit))}
              </Anchor>
            </Table.Td>
            <Table.Td className="number" w={110}>
              {figure(transfer.amount)}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
