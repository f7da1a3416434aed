/** An operation: its line, and below it, once opened, what it takes and what it answers. */
import { Accordion, Badge, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useWords } from '../ui/words'
import type { Answer, ApiDocument, Parameter, Route, Schema } from './document'
import { typeOf } from './document'
import { Field, Shape } from './Shape'

const COLOR: Record<string, string> = { get: 'ink', post: 'green', patch: 'amber', delete: 'red' }

interface Props {
  route: Route
  document: ApiDocument
  opened: boolean
}

export function RouteItem({ route, document, opened }: Props) {
  const summary = route.summary ?? ''
  return (
    <Accordion.Item value={route.operationId} id={route.operationId} data-testid="route">
      <Accordion.Control>
        <span className="route-line">
          <Badge color={COLOR[route.method] ?? 'gray'} className="route-method">
            {route.method.toUpperCase()}
          </Badge>
          <code className="route-path">{route.path}</code>
          <Text component="span" size="sm" c="dimmed" lang="en">
            {summary}
          </Text>
        </span>
      </Accordion.Control>
      <Accordion.Panel>{opened ? <Details route={route} document={document} /> : null}</Accordion.Panel>
    </Accordion.Item>
  )
}

function Details({ route, document }: { route: Route; document: ApiDocument }) {
  const { t } = useWords()
  return (
    <Stack gap="md">
      {route.description ? (
        <Text size="sm" lang="en">
          {route.description}
        </Text>
      ) : null}
      {route.parameters?.length ? (
        <Part title={t('parameters')}>
          <Parameters parameters={route.parameters} document={document} />
        </Part>
      ) : null}
      {Object.entries(route.requestBody?.content ?? {}).map(([type, { schema }]) => (
        <Part key={type} title={t('body', { type })}>
          <Typed schema={schema} document={document} />
        </Part>
      ))}
      <Part title={t('answers')}>
        {Object.entries(route.responses).map(([status, answer]) => (
          <AnswerLine key={status} status={status} answer={answer} document={document} />
        ))}
      </Part>
    </Stack>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <Title order={4} size="h6" mb={4}>
        {title}
      </Title>
      {children}
    </section>
  )
}

function Parameters({ parameters, document }: { parameters: Parameter[]; document: ApiDocument }) {
  return (
    <ul className="shape">
      {parameters.map(({ name, in: place, required, description, schema }) => (
        <Field
          key={`${place} ${name}`}
          property={{
            name: place === 'path' ? `{${name}}` : name,
            required: required ?? false,
            schema: { ...schema, ...(description ? { description } : {}) },
          }}
          document={document}
        />
      ))}
    </ul>
  )
}

function AnswerLine({ status, answer, document }: { status: string; answer: Answer; document: ApiDocument }) {
  const contents = Object.entries(answer.content ?? {})
  return (
    <div className="answer">
      <Text size="sm">
        <b className="answer-status" data-good={status < '300'}>
          {status}
        </b>{' '}
        <span lang="en">{answer.description}</span>
        {contents.map(([type, { schema }]) => (
          <span key={type} className="field-type">
            {' '}
            {schema ? `${type} · ${typeOf(schema)}` : type}
          </span>
        ))}
      </Text>
      {status < '300'
        ? contents.map(([type, { schema }]) => <Shape key={type} schema={schema} document={document} />)
        : null}
    </div>
  )
}

function Typed({ schema, document }: { schema: Schema | undefined; document: ApiDocument }) {
  return (
    <>
      <span className="field-type">{typeOf(schema)}</span>
      <Shape schema={schema} document={document} />
    </>
  )
}
