/** Scans with the camera: a picture of what it sees, closed by the first code found that is looked for. */
import { Alert, Modal, Text } from '@mantine/core'
import { useEffect, useEffectEvent, useRef, useState } from 'react'
import { barcodeFinder, type Wanted } from './barcodes'
import { useWords } from './words'

const LOOK_MS = 120

interface Props {
  /** Which kinds of code are looked for. */
  wanted?: Wanted
  /** Whether a code is one of those looked for; any is, unless said. */
  isWanted?: (value: string) => boolean
  onRead: (value: string) => void
  onClose: () => void
}

export default function Camera({ wanted = 'card', isWanted = () => true, onRead, onClose }: Props) {
  const { t } = useWords()
  const video = useRef<HTMLVideoElement>(null)
  const [problem, setProblem] = useState<'denied' | 'missing'>()
  const found = useEffectEvent(onRead)
  const right = useEffectEvent(isWanted)

  useEffect(() => {
    const over = new AbortController()
    watch(video, [wanted, (value) => right(value)], over.signal).then(
      (value) => {
        if (value !== undefined) found(value)
      },
      (error: unknown) => {
        const denied = error instanceof DOMException && error.name === 'NotAllowedError'
        if (!over.signal.aborted) setProblem(denied ? 'denied' : 'missing')
      },
    )
    return () => over.abort()
  }, [wanted])

  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={t('camera.title')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      {problem ? (
        <Alert color="amber" title={t(`camera.${problem}.title`)}>
          {t(`camera.${problem}.detail`)}
        </Alert>
      ) : (
        <>
          <video ref={video} className="camera" muted playsInline />
          <Text size="sm" c="dimmed" mt="xs">
            {t('camera.hint')}
          </Text>
        </>
      )}
    </Modal>
  )
}

/** Looks until a code is found or the window is closed; the camera is always let go. */
async function watch(
  place: { current: HTMLVideoElement | null },
  [wanted, isWanted]: [Wanted, (value: string) => boolean],
  over: AbortSignal,
): Promise<string | undefined> {
  if (!navigator.mediaDevices) throw new Error('no camera')
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: 'environment', width: { ideal: 1280 } },
    audio: false,
  })
  try {
    const find = await barcodeFinder(wanted)
    const video = place.current
    if (!video || over.aborted) return undefined
    video.srcObject = stream
    await video.play()
    while (!over.aborted) {
      const value = (await find(video)).find((one) => one !== '' && isWanted(one))
      if (value !== undefined) return value
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
    return undefined
  } finally {
    for (const track of stream.getTracks()) track.stop()
  }
}
