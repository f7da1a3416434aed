/** The field the cursor waits in: a scanner types into it, a cashier may, and a camera can fill it. */
import { ActionIcon, Loader, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconCamera } from '@tabler/icons-react'
import { lazy, type Ref, Suspense, useEffect, useEffectEvent, useState } from 'react'
import { useWords } from '../ui/words'
import { type Reading, readCode, shown } from './codeField'

/** The camera and its decoder are loaded when they are asked for. */
const Camera = lazy(() => import('../ui/Camera'))

interface Props {
  input: Ref<HTMLInputElement>
  /** Read at once, as if it had been typed. */
  initial: string
  busy: boolean
  /** What has been read, to be shown instead of what was typed. */
  read: Reading | undefined
  onRead: (reading: Reading) => void
  onEdit: () => void
}

export function CodeField({ input, initial, busy, read, onRead, onEdit }: Props) {
  const { t } = useWords()
  const [text, setText] = useState('')
  const [camera, { open, close }] = useDisclosure(false)

  function take(value: string) {
    const reading = readCode(value)
    if (!reading) return
    setText(value)
    onRead(reading)
  }

  const takeInitial = useEffectEvent(() => take(initial))
  useEffect(() => takeInitial(), [])

  return (
    <>
      <TextInput
        ref={input}
        className="till-code"
        label={t('till.code')}
        description={t('till.codeHint')}
        autoFocus
        autoComplete="off"
        autoCorrect="off"
        spellCheck={false}
        enterKeyHint="go"
        data-testid="code-field"
        value={read ? shown(read) : text}
        rightSectionWidth={56}
        rightSection={
          busy ? (
            <Loader size="sm" />
          ) : (
            <ActionIcon
              variant="subtle"
              color="gray"
              size={44}
              aria-label={t('camera.title')}
              data-testid="camera"
              onClick={open}
            >
              <IconCamera size={24} />
            </ActionIcon>
          )
        }
        onFocus={(event) => event.currentTarget.select()}
        onChange={(event) => {
          setText(event.currentTarget.value)
          onEdit()
        }}
        onPaste={(event) => {
          const pasted = event.clipboardData.getData('text')
          if (!/[\r\n]/.test(pasted.trim())) return
          event.preventDefault()
          setText(pasted.trim().split(/[\r\n]/, 1)[0] ?? '')
          onEdit()
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return
          event.preventDefault()
          if (!busy && !read) take(text)
        }}
      />
      {camera ? (
        <Suspense fallback={null}>
          <Camera
            onClose={close}
            onRead={(value) => {
              close()
              take(value)
            }}
          />
        </Suspense>
      ) : null}
    </>
  )
}
