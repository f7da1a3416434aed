/** The fields of a value, one a line; a field that has fields of its own opens below itself. */
import { Box, Text, UnstyledButton } from '@mantine/core'
import { IconChevronRight } from '@tabler/icons-react'
import { useState } from 'react'
import { useWords } from '../ui/words'
import { type ApiDocument, type Property, propertiesOf, type Schema, typeOf } from './document'

interface Props {
  schema: Schema | undefined
  document: ApiDocument
}

export function Shape({ schema, document }: Props) {
  const properties = propertiesOf(schema, document)
  if (properties.length === 0) return null
  return (
    <ul className="shape">
      {properties.map((property) => (
        <Field key={property.name} property={property} document={document} />
      ))}
    </ul>
  )
}

interface FieldProps {
  property: Property
  document: ApiDocument
}

export function Field({ property: { name, schema, required }, document }: FieldProps) {
  const { t } = useWords()
  const [opened, setOpened] = useState(false)
  const deeper = propertiesOf(schema, document).length > 0
  return (
    <li className="field">
      <Box className="field-head">
        <code className="field-name">{name}</code>
        {deeper ? (
          <UnstyledButton
            className="field-type field-opens"
            aria-expanded={opened}
            onClick={() => setOpened(!opened)}
          >
            <IconChevronRight size={14} aria-hidden data-opened={opened} />
            {typeOf(schema)}
          </UnstyledButton>
        ) : (
          <span className="field-type">{typeOf(schema)}</span>
        )}
        {required ? <span className="field-required">{t('required')}</span> : null}
      </Box>
      <Explained schema={schema} />
      {opened ? <Shape schema={schema} document={document} /> : null}
    </li>
  )
}

function Explained({ schema }: { schema: Schema }) {
  const { t } = useWords()
  const values = schema.enum?.map(String).join(', ')
  const example = schema.example === undefined ? '' : JSON.stringify(schema.example)
  if (!schema.description && !values && !example) return null
  return (
    <Text size="sm" c="dimmed" lang="en">
      {[schema.description, values, example ? t('example', { example }) : ''].filter(Boolean).join(' · ')}
    </Text>
  )
}
