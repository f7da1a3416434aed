/** A list of work by where it stands: chosen above, one item open beside it. */
import { SegmentedControl } from '@mantine/core'
import type { ReactNode } from 'react'
import { useLocation } from 'wouter'
import { Loaded } from '../../ui/states'
import { useWords } from '../../ui/words'
import { ALLOWED, type Section } from '../sections'
import { Beside } from './Beside'
import { type Column, DataTable } from './DataTable'
import { More } from './More'
import { PageHead } from './PageHead'
import type { usePaged } from './usePaged'

interface Props<Row, State extends string> {
  /** Its words, its address and who may see it. */
  section: Section & ('claims' | 'fraud')
  states: { value: State; label: string }[]
  state: State
  onState: (state: State) => void
  list: ReturnType<typeof usePaged<Row>>
  columns: Column<Row>[]
  rowTestId: string
  empty: ReactNode
  opened: Row | undefined
  /** The opened item's name and content; none where nothing is open. */
  title: string
  record: ReactNode
  /** Takes the list's place in a state that has none. */
  instead?: ReactNode
}

export function WorkList<Row extends { id: string }, State extends string>(props: Props<Row, State>) {
  const { section, states, state, onState, instead } = props
  const { t } = useWords()
  const [, go] = useLocation()
  return (
    <>
      <PageHead title={t(`${section}.title`)} hint={t(`${section}.hint`)} />
      <div className="states">
        <SegmentedControl
          aria-label={t(`${section}.which`)}
          value={state}
          onChange={(value) => {
            onState(value as State)
            go(`/${section}`)
          }}
          data={states}
        />
      </div>
      {instead ?? <List {...props} />}
    </>
  )
}

function List<Row extends { id: string }, State extends string>(props: Props<Row, State>) {
  const { section, list, columns, rowTestId, empty, opened, title, record } = props
  const { t } = useWords()
  const [, go] = useLocation()
  return (
    <Beside title={title} record={record} onClose={() => go(`/${section}`)}>
      <Loaded query={list.loaded} allowed={ALLOWED[section]}>
        {(rows) =>
          rows.length > 0 ? (
            <DataTable
              compact={opened !== undefined}
              label={t(`${section}.title`)}
              exportName={section}
              above={240}
              columns={columns}
              rows={rows}
              rowKey={(row) => row.id}
              rowTestId={rowTestId}
              chosen={opened?.id}
              onOpen={(row) => go(`/${section}/${row.id}`)}
              under={<More count={rows.length} more={list.more} busy={list.busy} />}
            />
          ) : (
            empty
          )
        }
      </Loaded>
    </Beside>
  )
}
