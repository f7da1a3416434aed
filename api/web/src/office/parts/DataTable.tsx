/** A dense table over Mantine's: sortable, with a head that stays, walked with the arrow keys, exported as CSV. */
import { Button, Group, Table, Text, UnstyledButton } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconDownload } from '@tabler/icons-react'
import { type KeyboardEvent, type ReactNode, useMemo, useState } from 'react'
import { useWords } from '../../ui/words'
import { csvOf, saveFile } from './files'

export type Sortable = string | number | bigint

export interface Column<Row> {
  key: string
  title: string
  cell: (row: Row) => ReactNode
  /** What the column is sorted by; without it it isn't. */
  sort?: (row: Row) => Sortable
  /** What is exported; without it what it is sorted by. */
  text?: (row: Row) => string
  numeric?: boolean
  /** Long words may break into lines. */
  wrap?: boolean
  /** Gives way while a record is open beside the list; exported all the same. */
  secondary?: boolean
}

interface Props<Row> {
  label: string
  columns: Column<Row>[]
  rows: Row[]
  rowKey: (row: Row) => string
  onOpen?: (row: Row) => void
  chosen?: string | undefined
  rowTestId?: string
  testId?: string
  exportName?: string
  foot?: ReactNode
  /** Stands under the table: how much is loaded, a button for more. */
  under?: ReactNode
  /** Pixels of the page above the table, for its height. */
  above?: number
  /** A record is open beside the table. */
  compact?: boolean
}

export function DataTable<Row>(props: Props<Row>) {
  const { label, rows, rowKey, onOpen, chosen, rowTestId, testId, foot, above, compact } = props
  const columns = compact ? props.columns.filter(({ secondary }) => !secondary) : props.columns
  const [order, setOrder] = useState<{ key: string; down: boolean }>()
  const { language } = useWords()
  const sorted = useMemo(
    () => sortRows(rows, props.columns, order, language),
    [rows, props.columns, order, language],
  )
  return (
    <div>
      {/* biome-ignore-start lint/a11y/noNoninteractiveTabindex: a scrollable box must be reachable by keyboard */}
      <section
        className="table-box"
        aria-label={label}
        tabIndex={0}
        data-testid={testId}
        style={above ? ({ '--table-above': `${above}px` } as React.CSSProperties) : undefined}
      >
        <Table verticalSpacing={9} horizontalSpacing="md" fz="sm">
          <Table.Thead>
            <Table.Tr>
              {columns.map((column) => (
                <HeadCell key={column.key} column={column} order={order} onOrder={setOrder} />
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {sorted.map((row) => (
              <BodyRow
                key={rowKey(row)}
                row={row}
                columns={columns}
                current={chosen === rowKey(row)}
                {...(onOpen ? { onOpen } : {})}
                {...(rowTestId ? { testId: rowTestId } : {})}
              />
            ))}
          </Table.Tbody>
          {foot ? <Table.Tfoot>{foot}</Table.Tfoot> : null}
        </Table>
      </section>
      {/* biome-ignore-end lint/a11y/noNoninteractiveTabindex: see above */}
      <Under {...props} />
    </div>
  )
}

function sortRows<Row>(
  rows: Row[],
  columns: Column<Row>[],
  order: { key: string; down: boolean } | undefined,
  language: string,
): Row[] {
  const by = columns.find(({ key }) => key === order?.key)?.sort
  if (!by || !order) return rows
  const letters = new Intl.Collator(language, { numeric: true })
  const sign = order.down ? -1 : 1
  return rows.toSorted((one, other) => {
    const [a, b] = [by(one), by(other)]
    if (typeof a === 'string' && typeof b === 'string') return sign * letters.compare(a, b)
    return a === b ? 0 : sign * (a < b ? -1 : 1)
  })
}

interface HeadProps<Row> {
  column: Column<Row>
  order: { key: string; down: boolean } | undefined
  onOrder: (order: { key: string; down: boolean }) => void
}

function HeadCell<Row>({ column, order, onOrder }: HeadProps<Row>) {
  const mine = order?.key === column.key
  const direction = mine ? (order.down ? 'descending' : 'ascending') : 'none'
  return (
    <Table.Th
      className={column.numeric ? 'number' : ''}
      scope="col"
      {...(column.sort ? { 'aria-sort': direction as 'none' } : {})}
    >
      {column.sort ? (
        <UnstyledButton
          className="sort"
          onClick={() => onOrder({ key: column.key, down: mine ? !order.down : false })}
        >
          {column.title}
          {mine ? order.down ? <IconArrowDown size={14} /> : <IconArrowUp size={14} /> : null}
        </UnstyledButton>
      ) : (
        column.title
      )}
    </Table.Th>
  )
}

interface RowProps<Row> {
  row: Row
  columns: Column<Row>[]
  current: boolean
  onOpen?: (row: Row) => void
  testId?: string
}

function BodyRow<Row>({ row, columns, current, onOpen, testId }: RowProps<Row>) {
  function keys(event: KeyboardEvent<HTMLTableRowElement>) {
    if (event.target !== event.currentTarget) return
    const { currentTarget: here } = event
    const next = { ArrowDown: here.nextElementSibling, ArrowUp: here.previousElementSibling }[event.key]
    if (next instanceof HTMLElement) {
      event.preventDefault()
      next.focus()
    }
    if (event.key === 'Enter') onOpen?.(row)
  }
  return (
    <Table.Tr
      data-testid={testId}
      data-opens={onOpen !== undefined}
      aria-current={current}
      {...(onOpen ? { tabIndex: 0, onKeyDown: keys, onClick: () => onOpen(row) } : {})}
    >
      {columns.map((column) => (
        <Table.Td key={column.key} className={column.numeric ? 'number' : column.wrap ? '' : 'one-line'}>
          {column.cell(row)}
        </Table.Td>
      ))}
    </Table.Tr>
  )
}

function Under<Row>({ rows, columns, exportName, under }: Props<Row>) {
  const { t } = useWords()
  if (!exportName && !under) return null
  const save = () => {
    const head = columns.map(({ title }) => title)
    const body = rows.map((row) => columns.map(({ text, sort }) => String(text?.(row) ?? sort?.(row) ?? '')))
    saveFile(new Blob([csvOf([head, ...body])], { type: 'text/csv' }), `${exportName}.csv`)
  }
  return (
    <Group justify="space-between" mt="sm" gap="sm">
      <Text component="div" size="sm" c="dimmed">
        {under}
      </Text>
      {exportName && rows.length > 0 ? (
        <Button size="xs" variant="default" leftSection={<IconDownload size={15} />} onClick={save}>
          {t('table.export')}
        </Button>
      ) : null}
    </Group>
  )
}
