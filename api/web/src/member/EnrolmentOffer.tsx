/** For who isn't in the bonus programme yet: what it is, and the button. */
import { Button, Paper, Text, Title } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, ask } from '../api/client'
import { useAnnounce } from '../ui/Announcer'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

export function EnrolmentOffer() {
  const { t } = useWords()
  const queries = useQueryClient()
  const say = useAnnounce()
  const joining = useMutation({
    mutationFn: () => ask(api.POST('/v1/me/enrolment')),
    onSuccess: async () => {
      say(t('enrolment.done'))
      await queries.invalidateQueries()
    },
  })
  return (
    <Paper className="surface" p="md">
      <Title order={2} size="h4">
        {t('enrolment.title')}
      </Title>
      <Text size="sm" c="dimmed" mt={4} mb="sm">
        {t('enrolment.text')}
      </Text>
      {joining.error ? <ProblemNote error={joining.error} /> : null}
      <Button
        mt="xs"
        fullWidth
        loading={joining.isPending}
        data-testid="enrol"
        onClick={() => joining.mutate()}
      >
        {t('enrolment.join')}
      </Button>
    </Paper>
  )
}
