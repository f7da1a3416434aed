/** A button that saves a file of the API, and says when it couldn't. */
import { Button, Text } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { asProblem } from '../../api/problem'
import { problemWords } from '../../ui/states'
import { useWords } from '../../ui/words'
import { download } from './files'

export function Download({ path, name, label }: { path: string; name: string; label: string }) {
  const words = useWords()
  const saving = useMutation({ mutationFn: () => download(path, name) })
  return (
    <div>
      <Button
        variant="default"
        leftSection={<IconDownload size={16} />}
        loading={saving.isPending}
        onClick={() => saving.mutate()}
      >
        {label}
      </Button>
      {saving.error ? (
        <Text size="sm" c="red" role="alert">
          {problemWords(asProblem(saving.error), words).title}
        </Text>
      ) : null}
    </div>
  )
}
