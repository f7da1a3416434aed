/** A purchase at an address of its own, to be sent to a colleague. */
import { Paper } from '@mantine/core'
import { useWords } from '../../ui/words'
import { Guarded } from '../parts/Guarded'
import { PageHead } from '../parts/PageHead'
import { PurchaseDetail } from './PurchaseDetail'

export default function PurchasePage({ id }: { id: string }) {
  const { t } = useWords()
  return (
    <Guarded section="ledger">
      <PageHead title={t('detail.title')} />
      <Paper className="surface" p="md" maw={640}>
        <PurchaseDetail id={id} />
      </Paper>
    </Guarded>
  )
}
