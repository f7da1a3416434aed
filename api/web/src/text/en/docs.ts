/** Words of the API's reference. */
import { common } from './common'

export default {
  pageTitle: 'API — Unioncard',
  ...common,
  title: 'Unioncard API',
  search: 'A path, a field or a word',
  contents: 'Groups',
  nothing: 'Nothing found',
  shown_one: '{{number}} operation',
  shown_other: '{{number}} operations',
  parameters: 'Parameters',
  body: 'Request body: {{type}}',
  answers: 'Answers',
  required: 'required',
  example: 'for example {{example}}',
  access: {
    partner:
      'A partner’s program gets a token by client_credentials: POST /v1/oauth/token; it lives an hour and goes into the header Authorization: Bearer.',
    people:
      'Members sign in with a code from the mail (POST /v1/auth/code, then /v1/auth/verify), staff with a password (POST /v1/auth/login).',
    wallet:
      'Another wallet (a bank’s app, an aggregator’s) shows a card with the member’s consent: OAuth 2.1, authorization_code with PKCE (S256), GET /v1/oauth/authorize. Scopes: card, card:code, balance; where what is, says /.well-known/oauth-authorization-server.',
    document: 'is the machine-readable description: a client in any language is made from it.',
  },
  tag: {
    'sign-in': 'Sign-in',
    staff: 'Staff',
    member: 'Member',
    partner: 'Partner and till',
    finance: 'Finance',
    office: 'Register and cards',
    operations: 'Operations',
  },
}
